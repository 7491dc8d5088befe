#!/usr/bin/env bash
# Shows svcd at work on real daemons: redis, nginx, a python application and two workers, out of units/demo, on loopback.
# Builds svcd first. Ends by itself and leaves nothing behind.
#
#   packaging/demo.sh          the whole tour, under a minute after the build
#   packaging/demo.sh --stay   start everything, leave it running, and say how to talk to it and how to end it
#
# Runs as root, or as a user with sudo: a service needs a cgroup, and only root can hand one to a user. svcd and the
# services themselves then run as that user.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
build_dir=${SVCD_BUILD_DIR:-$source_dir/build/release}
stay=no
case "${1-}" in
    "") ;;
    --stay) stay=yes ;;
    *)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        [[ $1 == --help ]] && exit 0
        exit 2
        ;;
esac

if [[ -t 1 && -z ${NO_COLOR-} ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
else
    bold='' plain=''
fi
step() {
    printf '\n%s── %s%s\n' "$bold" "$*" "$plain"
}
fail() {
    echo "demo.sh: $*" >&2
    exit 1
}
# Prints a command as one would type it, and runs it.
show() {
    echo "\$ $*"
    "$@"
}

# ── build ────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Minutes: a terminal gets ninja's own line, which changes in place, and others a line now and then.
build() {
    if [[ -t 1 ]]; then
        NINJA_STATUS='[%f of %t, %e s] ' ninja -C "$build_dir" "$@"
        return
    fi
    NINJA_STATUS='[%f of %t] ' ninja -C "$build_dir" "$@" | awk '
        !/^\[[0-9]+ of [0-9]+\] / { print; fflush(); next }
        { tenth = int(10 * substr($1, 2) / $3) }
        tenth > shown { shown = tenth; print "built " substr($1, 2) " of " $3 + 0; fflush() }'
}
if [[ ${SVCD_NO_BUILD-} != yes ]]; then # the tests have built already
    step "Installing what is missing, building a release"
    "$source_dir/packaging/setup.sh"
    cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSVCD_TESTS=OFF >/dev/null
    build svcd svcd-launcher svcd-shutdown svcd-manager svcd-exec svcd-logd svctl
    echo "built in $build_dir"
fi
program() {
    local path
    path=$(find "$build_dir" -type f -name "$1" -perm -u+x -print -quit)
    [[ -n $path ]] || fail "the build made no $1 in $build_dir"
    echo "$path"
}
svcd=$(program svcd)
PATH=$(dirname "$(program svctl)"):$PATH

# ── a place of its own ───────────────────────────────────────────────────────────────────────────────────────────────
for port in 18079 18080 18081; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        fail "port $port is taken, perhaps by a demo that was left running (--stay says how to end it)"
    fi
done
cgroup_mount=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo)
[[ -n $cgroup_mount ]] || fail "there is no cgroup2 mount on this machine; svcd keeps each service in a cgroup"

run_dir=$(mktemp -d "${TMPDIR:-/tmp}/svcd-demo.XXXXXX")
cgroup=$cgroup_mount/$(basename "$run_dir")
chmod 755 "$run_dir" # root's nginx runs its worker as www-data, which must get in
mkdir -m 700 "$run_dir/svcd" "$run_dir/nginx"
ln -s "$source_dir/units/demo" "$run_dir/demo"

# The keeper makes the cgroup, starts svcd in it as the user who called, and clears up when svcd has ended, however that
# came about. It is the only part that is root when the demo isn't.
as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "only root can make a cgroup, and there is no sudo"
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n) # without a terminal there is nobody to type a password
    "${as_root[@]}" -v || fail "only root can make a cgroup, and sudo doesn't let us"
fi
keeper='
    trap "" INT HUP
    run_dir=$1 cgroup=$2 uid=$3 gid=$4
    shift 4
    mkdir "$cgroup" && chown "$uid:$gid" "$cgroup" "$cgroup"/cgroup.procs "$cgroup"/cgroup.subtree_control || exit 1
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs" && echo "$BASHPID" >"$run_dir/pid" || exit 1
        if [ "$uid" != 0 ]; then
            exec setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
        fi
        exec "$@"
    ) </dev/null
    status=$?
    echo 1 >"$cgroup/cgroup.kill"
    until find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; do
        sleep 0.05
    done
    rm -rf "$run_dir"
    exit $status'
environment=(env "PATH=$PATH" "HOME=$HOME" "LANG=${LANG:-C.UTF-8}" "XDG_RUNTIME_DIR=$run_dir" "XDG_CONFIG_HOME=$run_dir")
SVCTL_BUS=unix:path=$run_dir/svcd/bus
export SVCTL_BUS

stop_everything() {
    trap - EXIT
    if [[ -e $run_dir/pid ]]; then
        kill -TERM "$(cat "$run_dir/pid")" 2>/dev/null || true
    fi
    wait "$keeper_pid" || true
    rm -rf "$run_dir"
}

step "Starting svcd in user mode, in $run_dir"
"${as_root[@]}" bash -c "$keeper" svcd-demo-keeper "$run_dir" "$cgroup" "$(id -u)" "$(id -g)" \
    "${environment[@]}" "$svcd" --user --bus=none --unit=basic.target "--unit-path=$source_dir/units/demo" \
    "--runtime-dir=$run_dir/svcd" "--log-dir=$run_dir/log" "--cgroup=$cgroup" >"$run_dir/svcd.log" 2>&1 &
keeper_pid=$!
trap stop_everything EXIT

# Runs a command until it succeeds; there is nothing to wait on before svcd's socket is there.
eventually() {
    local deadline=$((SECONDS + 10))
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)) || ! kill -0 "$keeper_pid" 2>/dev/null; then
            cat "$run_dir/svcd.log" >&2 2>/dev/null || true
            fail "gave up on: $*"
        fi
        sleep 0.05
    done
}
eventually svctl is-active basic.target
echo "svcd is process $(cat "$run_dir/pid"); its private socket is $run_dir/svcd/bus"

property() {
    svctl show -p "$2" --value "$1"
}
page() {
    curl --silent --show-error --fail --max-time 5 http://127.0.0.1:18080/
}

# ── the tour ─────────────────────────────────────────────────────────────────────────────────────────────────────────
step "Starting the services: redis, then what requires it"
show svctl start demo.target
echo
echo "started in this order (ms after the first):"
units=(redis backend web drainer stubborn)
for unit in "${units[@]}"; do
    echo "$(property "$unit" InactiveExitTimestampMonotonic) $(property "$unit" ActiveEnterTimestampMonotonic) $unit"
done | sort -n | awk 'NR == 1 { first = $1 } { printf "  %7.1f  %-9s ready at %7.1f\n", ($1 - first) / 1000, $3, ($2 - first) / 1000 }'

step "A request through the chain: nginx, python, redis"
show page

if [[ $stay == yes ]]; then
    step "Everything runs, and stays"
    cat <<TEXT
talk to it:   SVCTL_BUS=$SVCTL_BUS $(command -v svctl) status web
see a page:   curl http://127.0.0.1:18080/
end it all:   kill -TERM $(cat "$run_dir/pid")
TEXT
    trap - EXIT
    exit 0
fi

step "What svcd says"
show svctl list-units
echo
show svctl status web

step "redis is killed with SIGKILL, and comes back"
old=$(property redis MainPID)
show kill -KILL "$old"
is_back() {
    local new
    new=$(property redis MainPID) && [[ $new != 0 && $new != "$old" ]] && svctl -q is-active "${units[@]}" && page
}
eventually is_back
echo "redis was process $old, is process $(property redis MainPID) (NRestarts=$(property redis NRestarts)); what requires it was restarted"
echo "with it, the workers, which only want it, were not. The page again:"
page

step "Stopping everything, in the reverse order of the start"
cat <<'TEXT'
`drainer` needs 2 s to finish its work and gets them; `stubborn` ignores SIGTERM and gets SIGKILL when its TimeoutStopSec
of 3 s is over; only then is it the turn of redis, which both come after.
TEXT
show svctl stop demo.target "${units[@]}"
timeline() {
    local unit stopped exited word
    for unit in "${units[@]}"; do
        stopped=$(property "$unit" ActiveExitTimestampMonotonic)
        exited=$(property "$unit" InactiveEnterTimestampMonotonic)
        if [[ $(property "$unit" Result) == timeout ]]; then
            word="gone, by SIGKILL at its deadline"
        else
            word="gone"
        fi
        echo "$stopped $unit asked to stop"
        echo "$exited $unit $word, $(awk "BEGIN { printf \"%.3f\", ($exited - $stopped) / 1e6 }") s after it was asked"
    done
}
echo
echo "the stop as it was (seconds):"
timeline | sort -n | awk 'NR == 1 { first = $1 } { time = ($1 - first) / 1e6; unit = $2; $1 = $2 = ""; printf "  %6.3f  %-9s%s\n", time, unit, $0 }'
killed=$(property stubborn ExecMainStatus)
[[ $killed == 9 ]] || fail "stubborn should have ended by signal 9, not $killed"

step "Ending svcd"
svcd_pid=$(cat "$run_dir/pid")
show kill -TERM "$svcd_pid"
status=0
wait "$keeper_pid" || status=$?
trap - EXIT
# 1 is the truth when a unit had to be killed, as one had
((status <= 1)) || fail "svcd ended with status $status"
[[ ! -e $run_dir && ! -e $cgroup ]] || fail "something was left in $run_dir or $cgroup"
echo "svcd has ended; its cgroup, sockets and files are gone"
