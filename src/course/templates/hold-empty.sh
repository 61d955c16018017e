#!/bin/sh
# hold-empty.sh DEVICE UUID DIR: on the migrated system, removes all from the file system UUID on DEVICE, from which the new server
# booted into its hold: nothing boots from it any more, and a private key of the hold is in it. DIR is where it is mounted
# meanwhile.
set -eu
device=$1 uuid=$2 dir=$3
# It is mounted in a mount namespace of our own: nobody else sees it, and it goes with this script.
if [ "${REPLANT_PRIVATE:-}" != yes ]; then
    REPLANT_PRIVATE=yes exec unshare --mount sh "$0" "$@"
fi
[ "$(blkid -p -o value -s UUID "$device")" = "$uuid" ] || { echo "$device has no file system $uuid any more" >&2; exit 1; }
mkdir -p "$dir"
mount -o noatime "$device" "$dir"
find "$dir/" -xdev -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
sync -f "$dir"
umount "$dir"
rmdir "$dir"
