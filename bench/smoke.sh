#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# smoke.sh BENCH DRIVER [FLAGS...]: tiny runs of the load generator against its own floor servers, so
# that it stays alive; FLAGS are for the run with several source addresses. Checks exit codes only,
# no figures. Leaves with 0 where io_uring is not available: the floors need it.
set -euo pipefail
bench=$1
driver=$2
table_flags=("${@:3}")
folder=$(mktemp -d)
server=0
trap '[[ $server -eq 0 ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# start MODE: a floor server; sets url.
start() {
  [[ $server -eq 0 ]] || { kill "$server"; wait "$server" || true; }
  : >"$folder/out"
  "$bench" floor-server --mode "$1" >"$folder/out" 2>"$folder/err" &
  server=$!
  for ((i = 0; i < 100; i++)); do
    grep -q listening "$folder/out" && break
    if ! kill -0 "$server" 2>/dev/null; then
      cat "$folder/err"
      grep -q io_uring_setup "$folder/err" && { server=0; exit 0; }
      exit 1
    fi
    sleep 0.05
  done
  url=ws://$(sed -n 's/^listening on //p' "$folder/out")/
}

run() {
  "$bench" "$1" --url "$url" --protocol ws --client-driver "$driver" --server-pid "$server" \
    --json "$folder/results" --quiet "${@:2}"
}

start echo
run echo --connections 20 --rounds 20
run connect --connections 50 --shards 2 --sources 3 "${table_flags[@]}"
# An echo server delivers to nobody but the sender: that must be noticed.
if run verify --subscribers 3 --rounds 5 --timeout 0.5; then
  echo "lost messages went unnoticed"
  exit 1
fi
run idle --points 10,30 --settle 0.1 --duration 0.2
for mode in fan fan-epoll; do
  start "$mode"
  run fanout --subscribers 40 --rounds 20 --window 4 --shards 2
  start "$mode"
  run verify --subscribers 30 --rounds 200 --publishers 3
  start "$mode"
  run latency --channels 1 --subscribers 5 --publishers 2 --rate 500 --warmup 0.1 --duration 0.3
done
[[ $(wc -l <"$folder/results") -eq 10 ]]
