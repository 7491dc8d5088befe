#!/usr/bin/env bash
# Installs what the tests need, builds a release (GCC) and a build with sanitizers (clang), and runs every test of both; of the
# latter, each fuzz target also tries inputs for five seconds.
#
#   tests/run.sh                 everything
#   tests/run.sh -R PATTERN ...  other arguments go to ctest
#   tests/run.sh --soak MINUTES  then let the simulator try random schedules for so long
#
# Both builds are under build/tests (SVCD_TEST_DIR=DIR: elsewhere). One ctest runs the tests of both, so there is one
# verdict, at the end.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
out=${SVCD_TEST_DIR:-$top/build/tests}
soak=0
arguments=()
while (($# > 0)); do
    case "$1" in
        --soak)
            soak=${2:?--soak needs a number of minutes}
            shift 2
            ;;
        --help)
            sed -n '2,10s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            arguments+=("$1")
            shift
            ;;
    esac
done

"$top/packaging/setup.sh" --dev
jobs=$(nproc)
launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

build() {
    local name=$1
    shift
    cmake -S "$top" -B "$out/$name" -G Ninja "$@" "${launcher[@]}" >/dev/null
    ninja -C "$out/$name" -j "$jobs"
}
build release -DCMAKE_BUILD_TYPE=Release -DSVCD_SANITIZE=OFF
# With clang, which compiles this in half of GCC's time, the targets of tests/fuzz are libFuzzer programs. Where CMake has found
# another compiler before, it would forget the rest of what it is told: such a folder is begun afresh.
fresh=()
grep -qs '^CMAKE_CXX_COMPILER:.*/clang++$' "$out/sanitize/CMakeCache.txt" || fresh=(--fresh)
build sanitize --preset fuzz "${fresh[@]}"

printf 'subdirs("release" "sanitize")\n' >"$out/CTestTestfile.cmake"
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# Cgroups, users and strace need root; what lacks the right skips and says so, but with sudo nothing has to.
as_root=()
if ((EUID != 0)) && command -v sudo >/dev/null; then
    as_root=(sudo --preserve-env=ASAN_OPTIONS,UBSAN_OPTIONS,CI)
    trap 'sudo chown -R "$(id -u):$(id -g)" "$out"' EXIT
fi
status=0
"${as_root[@]}" ctest --test-dir "$out" --parallel "$((jobs + 1))" --output-on-failure --timeout 300 "${arguments[@]}" || status=$?

# As many simulators as there are processors, each with seeds of its own.
soak() {
    local simulator pids=() index
    simulator=$(find "$out/release" -type f -name svcd-simulate -perm -u+x -print -quit)
    for ((index = 0; index < jobs; ++index)); do
        "$simulator" --soak "$soak" --shrink >"$out/soak-$index.txt" 2>&1 &
        pids+=("$!")
    done
    for ((index = 0; index < jobs; ++index)); do
        wait "${pids[index]}" || status=1
        cat "$out/soak-$index.txt"
    done
}
if ((status == 0 && soak > 0)); then
    soak
fi
exit "$status"
