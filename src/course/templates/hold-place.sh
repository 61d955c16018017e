#!/bin/sh
# hold-place.sh DEVICE UUID: on old, makes the file system from which the new server boots into its hold, on DEVICE, a disk of the
# new server. Of the plainest kind, which old's boot loader and every kernel can read: mke2fs(8). What was on it goes.
set -eu
device=$1 uuid=$2
# nothing of it is mounted here, and mkfs itself refuses what is in use
mkfs.ext4 -q -F -t ext3 -m 0 -E nodiscard -U "$uuid" "$device" </dev/null
sync "$device"
# once more from the device, and not from memory
blockdev --flushbufs "$device"
[ "$(blkid -p -o value -s UUID "$device")" = "$uuid" ] || { echo "$device has no file system $uuid" >&2; exit 1; }
