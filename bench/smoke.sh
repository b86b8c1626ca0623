#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# smoke.sh BENCH SERVER DRIVER [FLAGS...]: tiny runs of the load generator against its own floor
# servers and the server itself, so that it stays alive; FLAGS are for the run with several source
# addresses. Checks exit codes only, no figures. Leaves with 0 where io_uring is not available: the
# floors need it.
set -euo pipefail
bench=$1
server_program=$2
driver=$3
table_flags=("${@:4}")
folder=$(mktemp -d)
server=0
protocol=ws
trap '[[ $server -eq 0 ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# start TEXT COMMAND...: runs a server in the background until it has written TEXT.
start() {
  [[ $server -eq 0 ]] || { kill "$server"; wait "$server" || true; }
  : >"$folder/out"
  "${@:2}" >"$folder/out" 2>"$folder/err" &
  server=$!
  for ((i = 0; i < 200; i++)); do
    grep -q "$1" "$folder/out" && break
    if ! kill -0 "$server" 2>/dev/null; then
      cat "$folder/err"
      grep -q io_uring_setup "$folder/err" && { server=0; exit 0; }
      exit 1
    fi
    sleep 0.05
  done
}

# start_floor MODE, start_server: set url.
start_floor() {
  start listening "$bench" floor-server --mode "$1"
  url=ws://$(sed -n 's/^listening on //p' "$folder/out")/
}

start_server() {
  start ready "$server_program" serve --dev --port 0 --shards 2 --io "$driver" --log-level error
  url=ws://$(sed -n 's,^sanjay is ready: http://,,p' "$folder/out")/connection/websocket
}

run() {
  "$bench" "$1" --url "$url" --protocol "$protocol" --client-driver "$driver" --server-pid "$server" \
    --json "$folder/results" --quiet "${@:2}"
}

start_floor echo
run echo --connections 20 --rounds 20
run connect --connections 50 --shards 2 --sources 3 "${table_flags[@]}"
# An echo server delivers to nobody but the sender: that must be noticed.
if run verify --subscribers 3 --rounds 5 --timeout 0.5; then
  echo "lost messages went unnoticed"
  exit 1
fi
if run latency --channels 1 --subscribers 3 --rate 500 --warmup 0.1 --duration 0.1 --timeout 0.5; then
  echo "messages that nobody received went unnoticed"
  exit 1
fi
run idle --points 10,30 --settle 0.1 --duration 0.2 --close-and-wait 0.1
for mode in fan fan-epoll; do
  start_floor "$mode"
  run fanout --subscribers 40 --rounds 20 --window 4 --shards 2
  start_floor "$mode"
  run verify --subscribers 30 --rounds 200 --publishers 3
  start_floor "$mode"
  run latency --channels 1 --subscribers 5 --publishers 2 --rate 500 --warmup 0.1 --duration 0.3
done

start_server
protocol=centrifuge
for channels in none shared own; do
  run latency --channels 3 --subscribers 4 --publishers 2 --rate 500 \
    --idle 30 --idle-channels "$channels" --nap 100 --warmup 0.1 --duration 0.3 --shards 3
done
# More than can be delivered: whoever is closed for it is counted, nobody loses anything unseen.
protocol=protobuf run latency --channels 1 --subscribers 40 --size 60000 --rate 2000 --overload \
  --warmup 0 --duration 0.3
run storm --channels 4 --subscribers 5 --publishers 2 --rate 500 \
  --reconnecting 100 --connect-parallel 16 --warmup 0.1 --baseline 0.2 --after 0.1 --shards 2
run idle --points 10,200 --settle 0.1 --duration 0.1 --channels shared \
  --close-and-wait 0.1 --shards 2
[[ $(wc -l <"$folder/results") -eq 17 ]]
