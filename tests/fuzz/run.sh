#!/usr/bin/env bash
# Builds the fuzzing targets with clang (libFuzzer, ASan, UBSan) and lets each of them try inputs, one after another.
#
#   tests/fuzz/run.sh [MINUTES]            all targets, for so long together (default: 15)
#   tests/fuzz/run.sh MINUTES NAME ...     these ones: notify, unitfile ...
#
# Builds into build/fuzz (SVCD_FUZZ_DIR=DIR: elsewhere). What a target has learned stays in DIR/corpus/NAME for the next run; an
# input that ends it is put into DIR/found: mend the fault, and add the input to tests/fuzz/corpus/NAME, which the ordinary
# tests replay. Ends with a table, and with 1 when anything was found.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
out=${SVCD_FUZZ_DIR:-$top/build/fuzz}
if [[ ${1:-} == --help ]]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
fi
minutes=${1:-15}
names=("${@:2}")
if ((${#names[@]} == 0)); then
    mapfile -t names < <(cd "$top/tests/fuzz" && printf '%s\n' *_fuzzer.cc | sed 's/_fuzzer\.cc$//')
fi

launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
cmake -S "$top" -B "$out" --preset fuzz "${launcher[@]}" >/dev/null
nice -n 10 ninja -C "$out" -j "${SVCD_FUZZ_JOBS:-$(nproc)}" "${names[@]/%/_fuzzer}"

seconds=$((minutes * 60 / ${#names[@]}))
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
status=0
table=""
for name in "${names[@]}"; do
    mkdir -p "$out/corpus/$name" "$out/found"
    log=$out/$name.log
    result=ok
    # A slow input is judged by its processor time (one_input.cc); libFuzzer's own limit is for those that wait for ever.
    nice -n 19 "$out/tests/fuzz/${name}_fuzzer" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=1024 -malloc_limit_mb=512 \
        -print_final_stats=1 -artifact_prefix="$out/found/$name-" "$out/corpus/$name" "$top/tests/fuzz/corpus/$name" >"$log" 2>&1 || result=FOUND
    if [[ $result != ok ]]; then
        status=1
        tail -n 40 "$log"
    fi
    runs=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+).*/\1/p' "$log")
    table+=$(printf '%-14s %12s executions  %s' "$name" "${runs:-?}" "$result")$'\n'
done
printf '%s' "$table"
exit "$status"
