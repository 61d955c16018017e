#!/bin/sh
# grub.sh ROOT DISK: the boot loader of the migrated system onto one disk. grub-install(8)
set -eu
chroot "$1" grub-install --target=i386-pc --recheck "$2"
sync
# the first sector is GRUB's, on the disk itself and not in a cache
blockdev --flushbufs "$2"
dd if="$2" bs=512 count=1 2>/dev/null | grep -q GRUB || { echo "$2 has no GRUB in its first sector" >&2; exit 1; }
