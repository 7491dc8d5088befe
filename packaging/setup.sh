#!/usr/bin/env bash
# Installs what svcd needs on Debian 12. Quick and silent when everything is there already; run it as often as you like.
#
#   packaging/setup.sh          to build svcd and to run the demo
#   packaging/setup.sh --dev    also what the tests, the sanitizers and the formatter need, and a kernel for tests/vm
#   packaging/setup.sh --build  to build svcd, nothing else
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libyaml-cpp-dev libspdlog-dev libfmt-dev libsystemd-dev libsdbus-c++-dev
    libsdbus-c++-bin libcli11-dev nlohmann-json3-dev libexpected-dev libseccomp-dev libcap-dev)
demo=(redis-server nginx-light python3 curl util-linux)
dev=(libgtest-dev libgmock-dev ccache clang clang-format libclang-rt-14-dev strace dbus dbus-daemon libglib2.0-bin systemd
    python3-yaml qemu-system-x86 busybox-static e2fsprogs chromium)

case "${1-}" in
    "") wanted=("${build[@]}" "${demo[@]}") ;;
    --dev) wanted=("${build[@]}" "${demo[@]}" "${dev[@]}") ;;
    --build) wanted=("${build[@]}") ;;
    *)
        sed -n '2,6s/^# \{0,1\}//p' "$0"
        [[ $1 == --help ]] && exit 0
        exit 2
        ;;
esac

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
fi

# The kernel that tests/vm boots is unpacked into the build folder, not installed. Without it those tests skip.
fetch_kernel() {
    local packaging
    packaging=$(cd "$(dirname "$0")" && pwd)
    local fetch=("$packaging/fetch-kernel.sh" "$packaging/../build/vm-kernel")
    if [[ ${1-} == --dev ]] && ! "${fetch[@]}"; then
        # Package lists that are not there, or older than the mirror.
        "${as_root[@]}" apt-get update --quiet || true
        "${fetch[@]}" || echo "setup.sh: no kernel for tests/vm, which will be skipped" >&2
    fi
}

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    fetch_kernel "$@"
    exit 0
fi

if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    echo "setup.sh: these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}" >&2
    exit 1
fi

# The daemons of the demo are wanted as programs only: nothing of theirs may be started now (policy-rc.d is how Debian
# lets an administrator say so; one that is there already is left alone) or at the next boot.
policy=/usr/sbin/policy-rc.d
policy_made=no
remove_policy() {
    if [[ $policy_made == yes ]]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap remove_policy EXIT
daemons=()
for package in "${missing[@]}"; do
    case $package in
        redis-server) daemons+=(redis-server) ;;
        nginx-light) daemons+=(nginx) ;;
    esac
done
if ((${#daemons[@]} > 0)) && [[ ! -e $policy ]]; then
    policy_made=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

echo "setup.sh: installing ${missing[*]}"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends
    -o Dpkg::Use-Pty=0 "${missing[@]}")
# Package lists that are there and know the packages are good enough; else they are fetched, once.
if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1 || ! "${install[@]}"; then
    "${as_root[@]}" apt-get update --quiet
    "${install[@]}"
fi

for daemon in "${daemons[@]}"; do
    "${as_root[@]}" update-rc.d "$daemon" disable >/dev/null 2>&1 || true
    echo "setup.sh: $daemon is installed, not started, and will not start at boot (update-rc.d $daemon enable changes that)"
done
fetch_kernel "$@"
