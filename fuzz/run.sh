#!/bin/sh
# Fuzzes every reader for some seconds each, within limits of time and memory. A line each: how many inputs were tried
# and in how many seconds of a core, the most memory, and what was found; status 1 where anything was.
#
#   fuzz/run.sh [SECONDS [TARGET...]]     60 seconds and all targets by default; JOBS=2 runs two at a time
#
# What is found lies in fuzz/artifacts/TARGET, what is new in fuzz/found/TARGET, the whole log in fuzz/found/TARGET.log.
set -eu

if [ "${1:-}" = --one ]; then
    seconds=$2 name=$3
    log=fuzz/found/$name.log dictionary=fuzz/dictionaries/$name.dict status=0
    mkdir -p "fuzz/found/$name"
    set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3072 -malloc_limit_mb=2048 -print_final_stats=1
    [ ! -f "$dictionary" ] || set -- "$@" -dict="$dictionary"
    cargo +nightly fuzz run "$name" "fuzz/found/$name" "fuzz/corpus/$name" -- "$@" >"$log" 2>&1 || status=$?
    of() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tr '\n' ' ')
    [ "$status" = 0 ] || [ -n "$found" ] || found="status $status, see $log"
    executed=$(of number_of_executed_units) most=$(of peak_rss_mb)
    # of this shell's children: minutes and seconds in the program, and in the system for it
    times >"$log.times"
    used=$(sed -n '2s/[ms]/ /gp' "$log.times" | awk '{ printf "%d", 60 * $1 + $2 + 60 * $3 + $4 }')
    printf '%-12s %10s tried in %4s s of a core, %5s MB at most, found: %s\n' \
        "$name" "${executed:-?}" "$used" "${most:-?}" "${found:-nothing}"
    [ -z "$found" ]
    exit
fi

cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
    set -- fuzz/fuzz_targets/*.rs
fi
# an error of candle's is one line only without a backtrace; inputs become files, which is quickest in memory
export RUST_BACKTRACE=0
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" facekp-fuzz.XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
# the versions that the program has
cp Cargo.lock fuzz/
cargo +nightly fuzz build
for target; do basename "$target" .rs; done | xargs -P "${JOBS:-1}" -n 1 fuzz/run.sh --one "$seconds" || exit 1
