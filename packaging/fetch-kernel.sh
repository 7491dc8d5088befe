#!/usr/bin/env bash
# Fetches the kernel that the tests in tests/vm boot: Debian's linux-image-cloud-amd64, unpacked into a folder. It is
# not installed: that would change what this machine boots. Nothing to do when it is there.
#
#   packaging/fetch-kernel.sh DIRECTORY     then there are DIRECTORY/vmlinuz and DIRECTORY/modules
set -euo pipefail

if (($# != 1)) || [[ $1 == --help ]]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    exit 2
fi
mkdir -p "$(dirname "$1")"
directory=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
[[ -e $directory/vmlinuz ]] && exit 0

package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
if [[ -z $package ]]; then
    echo "fetch-kernel.sh: no linux-image-cloud-amd64 in the package lists" >&2
    exit 1
fi
echo "fetch-kernel.sh: fetching $package into $directory, for tests/vm"
unpacked=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$unpacked"' EXIT
(cd "$unpacked" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$package")
dpkg-deb -x "$unpacked"/*.deb "$unpacked"
mkdir "$unpacked/kernel" "$unpacked/kernel/modules"
cp "$unpacked"/boot/vmlinuz-* "$unpacked/kernel/vmlinuz"
for module in drivers/block/{loop,virtio_blk} drivers/virtio/{virtio,virtio_ring,virtio_pci,virtio_pci_legacy_dev,virtio_pci_modern_dev} \
    fs/fuse/fuse; do
    cp "$unpacked"/lib/modules/*/kernel/"$module.ko" "$unpacked/kernel/modules/"
done
mv -T "$unpacked/kernel" "$directory"
