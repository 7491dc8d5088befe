#!/usr/bin/env bash
# Installs what svcd needs on Debian 12. Quick and silent when everything is there already; run it as often as you like.
#
#   packaging/setup.sh          to build svcd and to run the demo
#   packaging/setup.sh --dev    also what the tests, the sanitizers and the formatter need, and a kernel for tests/vm
#   packaging/setup.sh --build  to build svcd, nothing else
#
# With --no-upgrade it stops rather than upgrade a package that is installed (it says which, and why, in any case).
# It asks nothing, needs no terminal, and waits up to ten minutes for an apt that is busy.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libyaml-cpp-dev libspdlog-dev libfmt-dev libsystemd-dev libsdbus-c++-dev
    libsdbus-c++-bin libcli11-dev nlohmann-json3-dev libexpected-dev libseccomp-dev libcap-dev)
demo=(redis-server nginx-light python3 curl util-linux)
dev=(libgtest-dev libgmock-dev ccache clang clang-format libclang-rt-14-dev lld strace dbus dbus-daemon libglib2.0-bin systemd
    python3-yaml qemu-system-x86 busybox-static e2fsprogs chromium crun runc
    gunicorn prometheus-node-exporter)

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit "$1"
}
wanted=("${build[@]}" "${demo[@]}")
want_kernel=no
may_upgrade=yes
for option in "$@"; do
    case $option in
        --dev)
            wanted=("${build[@]}" "${demo[@]}" "${dev[@]}")
            want_kernel=yes
            ;;
        --build) wanted=("${build[@]}") ;;
        --no-upgrade) may_upgrade=no ;;
        --help) usage 0 ;;
        *)
            echo "setup.sh: there is no option '$option'" >&2
            usage 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this is not Debian. Install the equivalents of: ${wanted[*]}" >&2
    exit 1
fi

is_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n) # without a terminal there is nobody to type a password
fi

# Runs apt-get as root. Another one may be at work (at a first boot it nearly always is). apt-get itself waits for dpkg's
# lock, but not for those of its lists and archives.
lock_seconds=600
apt_messages=$(mktemp)
trap 'rm -f "$apt_messages"' EXIT
apt_get() {
    local deadline=$((SECONDS + lock_seconds)) status shown=/dev/stderr
    while true; do
        status=0
        {
            "${as_root[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none \
                apt-get --yes --quiet -o DPkg::Lock::Timeout="$lock_seconds" -o Dpkg::Use-Pty=0 \
                -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" \
                </dev/null 2>&1 >&3 3>&- | tee "$apt_messages" >"$shown" || status=$?
        } 3>&1
        if ((status == 0)) || ! grep -qE 'Could not get lock|Unable to (lock|acquire)' "$apt_messages"; then
            return "$status"
        fi
        if ((SECONDS >= deadline)); then
            echo "setup.sh: apt was busy for $lock_seconds s; try again when the other one has ended" >&2
            return "$status"
        fi
        [[ $shown == /dev/null ]] || echo "setup.sh: apt is busy, waiting for it (up to $lock_seconds s)" >&2
        shown=/dev/null
        sleep "${SETUP_RETRY_SECONDS:-5}"
    done
}

# The kernel that tests/vm boots is unpacked into the build folder, not installed. Without it those tests skip.
fetch_kernel() {
    local packaging
    packaging=$(cd "$(dirname "$0")" && pwd)
    local fetch=("$packaging/fetch-kernel.sh" "$packaging/../build/vm-kernel")
    if [[ $want_kernel == yes ]] && ! "${fetch[@]}"; then
        # Package lists that are not there, or older than the mirror.
        apt_get update || true
        "${fetch[@]}" || echo "setup.sh: no kernel for tests/vm, which will be skipped" >&2
    fi
}

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    fetch_kernel
    exit 0
fi

if ((EUID != 0)) && ! { command -v sudo >/dev/null && "${as_root[@]}" true; }; then
    echo "setup.sh: these packages are missing and sudo doesn't let us install them; as root: apt-get install ${missing[*]}" >&2
    exit 1
fi

# The daemons of the demo and the tests are wanted as programs only: nothing of theirs may be started now (policy-rc.d is how Debian
# lets an administrator say so; one that is there already is left alone) or at the next boot.
policy=/usr/sbin/policy-rc.d
policy_made=no
remove_policy() {
    if [[ $policy_made == yes ]]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap 'remove_policy; rm -f "$apt_messages"' EXIT
daemons=()
for package in "${missing[@]}"; do
    case $package in
        redis-server) daemons+=(redis-server) ;;
        nginx-light) daemons+=(nginx) ;;
        prometheus-node-exporter) daemons+=(prometheus-node-exporter) ;;
    esac
done
if ((${#daemons[@]} > 0)) && [[ ! -e $policy ]]; then
    policy_made=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

# Package lists that are there and know the packages are good enough; else they are fetched, once.
install=(install --no-install-recommends "${missing[@]}")
if ! plan=$(apt_get --simulate "${install[@]}" 2>/dev/null); then
    apt_get update
    plan=$(apt_get --simulate "${install[@]}")
fi

# What apt would upgrade on the way: "NAME OLD NEW" a line. (A -dev package needs its library in the very same version.)
upgrades=$(sed -nE 's/^Inst ([^ ]+) \[([^]]+)\] \(([^ ]+) .*/\1 \2 \3/p' <<<"$plan")
# What depends on what of all that is to be installed: "NAME depends, depends, ..." a line. apt-cache is asked once: it reads
# all its lists each time.
dependencies() {
    sed -nE 's/^Inst ([^ ]+) .*/\1/p' <<<"$plan" | xargs apt-cache show --no-all-versions 2>/dev/null |
        awk '/^Package: / { name = $2 } /^(Pre-)?Depends: / { $1 = name; print }'
}
reason_for() {
    local same_version other depends
    same_version="[ ,]${1//[+.]/.}(:[a-z0-9]+)? [(]= "
    while read -r other depends; do
        if [[ " $depends" =~ $same_version ]]; then
            echo "$other needs it in the very same version"
            return
        fi
    done <<<"$depends_of"
    echo "what is to be installed needs a newer one"
}
if [[ -n $upgrades ]]; then
    depends_of=$(dependencies)
    echo "setup.sh: packages that are installed and get another version on the way:"
    while read -r name old new; do
        echo "    $name $old -> $new: $(reason_for "$name")"
    done <<<"$upgrades"
    if [[ $may_upgrade == no ]]; then
        echo "setup.sh: stopped, for --no-upgrade was given; nothing was installed" >&2
        exit 1
    fi
fi

echo "setup.sh: installing ${missing[*]}"
if ! apt_get "${install[@]}"; then
    apt_get update
    apt_get "${install[@]}"
fi

for daemon in "${daemons[@]}"; do
    "${as_root[@]}" update-rc.d "$daemon" disable >/dev/null 2>&1 || true
    echo "setup.sh: $daemon is installed, not started, and will not start at boot (update-rc.d $daemon enable changes that)"
done
fetch_kernel
