#!/bin/sh
# loader-from-tools.sh DEVICE DIR NAME DISK...: on the new server in rescue, GRUB onto each DISK by the tools of old, which
# loader-tools.sh packed and which lie as NAME on DEVICE, the file system of /boot. They are unpacked in memory, on DIR; in the end
# NAME goes. grub-install(8)
set -eu
# What is mounted here is in a mount namespace of our own, and goes with this script.
if [ "${REPLANT_PRIVATE:-}" != yes ]; then
    REPLANT_PRIVATE=yes exec unshare --mount sh "$0" "$@"
fi
device=$1 dir=$2 name=$3
shift 3

# has_grub DISK: on the disk itself, not in a cache
has_grub() {
    blockdev --flushbufs "$1"
    dd if="$1" bs=512 count=1 2>/dev/null | grep -q GRUB
}

blockdev --flushbufs "$device"
mkdir -p "$dir"
mount -t tmpfs -o mode=755,size=256m replant "$dir"
mkdir "$dir/boot"
mount "$device" "$dir/boot"
if [ ! -e "$dir/boot/$name" ]; then
    # NAME goes last of all: who is called again after that has nothing to do
    [ -e "$dir/boot/grub/i386-pc/core.img" ] || { echo "$device has neither $name nor a boot loader" >&2; exit 1; }
    for disk in "$@"; do
        has_grub "$disk" || { echo "$device has no $name, and $disk no GRUB in its first sector" >&2; exit 1; }
    done
else
    tar --extract --gzip --file "$dir/boot/$name" --directory "$dir"
    for bound in dev proc sys run; do
        mkdir -p "$dir/$bound"
        mount --bind "/$bound" "$dir/$bound"
    done
    mkdir -p "$dir/tmp"
    for disk in "$@"; do
        chroot "$dir" grub-install --target=i386-pc --recheck --no-floppy "$disk"
        sync
        has_grub "$disk" || { echo "$disk has no GRUB in its first sector" >&2; exit 1; }
    done
    rm -f "$dir/boot/$name"
    sync -f "$dir/boot"
    for bound in dev proc sys run; do umount "$dir/$bound"; done
fi
umount "$dir/boot"
umount "$dir"
rmdir "$dir"
