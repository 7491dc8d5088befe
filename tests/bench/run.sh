#!/usr/bin/env bash
# Measures svcd beside the bare kernel (the floor) and the supervisors that Debian packages, in one run.
#
#   tests/bench/run.sh                            flat100, flat500, chain100, mem0, idle100 and the floor
#   tests/bench/run.sh --only flat500 --reps 3    arguments go to the harness
#
# BENCH_DIR: the harness (bench.py; default: ../shared/bench beside this repository). SVCD_BUILD_DIR: a release build (default:
# build/bench, made here). PEERS: default svcd,systemd,s6,runit,supervisord; those that are not installed are left out.
# Needs root.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
bench=$(cd "${BENCH_DIR:-$top/../shared/bench}" && pwd)
build=${SVCD_BUILD_DIR:-$top/build/bench}
out=${BENCH_OUT:-$build/bench.json}

cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
ninja -C "$build" --quiet svcd svcd-launcher svcd-shutdown svcd-manager svcd-exec svctl
program() {
    find "$build" -type f -name "$1" -perm -u+x -print -quit
}
SVCD_BIN=$(program svcd)
SVCTL_BIN=$(program svctl)
export SVCD_BIN SVCTL_BIN BENCH_ADAPTERS=$top/tests/bench/svcd_adapter.py
export PYTHONDONTWRITEBYTECODE=1

arguments=("$@")
if ((${#arguments[@]} == 0)); then
    arguments=(--only "flat100,flat500,chain100,mem0,idle100,floor" --reps 3)
fi
echo "this machine: $(uname -r), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
python3 "$bench/bench.py" run --peers "${PEERS:-svcd,systemd,s6,runit,supervisord}" --out "$out" "${arguments[@]}"
python3 "$bench/report.py" "$out"
