#!/bin/sh
# boot-put.sh DEVICE DIR NAME FILE: on old, puts FILE in place as NAME in the file system that the new server first boots from, which
# is DEVICE, over iSCSI, and here mounted on DIR for that long only. Where there is room for one of both, what was NAME goes
# first: it is a copy of what old has, and nothing boots from it yet.
set -eu
device=$1 dir=$2 name=$3 file=$4
# It is mounted in a mount namespace of our own: nobody else sees it, nobody keeps it, and it goes with this script.
if [ "${REPLANT_PRIVATE:-}" != yes ]; then
    REPLANT_PRIVATE=yes exec unshare --mount sh "$0" "$@"
fi
# it is the copy of a file system that is mounted here
options=noatime
[ "$(blkid -p -o value -s TYPE "$device")" != xfs ] || options=noatime,nouuid
# grub-install(8) keeps what was there beside what it writes, for a while
spare=8388608
sum() { [ ! -e "$1" ] || sha256sum <"$1"; }
[ -s "$file" ] || { echo "there is nothing in $file, or no such file" >&2; exit 1; }

mkdir -p "$dir"
mount -o "$options" "$device" "$dir"
rm -f "$dir/$name.replant"
want=$(sum "$file")
if [ "$(sum "$dir/$name")" != "$want" ]; then
    need=$(($(stat -c %s "$file") + spare))
    room=$(df -B1 --output=avail "$dir" | tail -n 1)
    if [ "$room" -lt "$need" ]; then
        gone=0
        [ ! -e "$dir/$name" ] || gone=$(stat -c %s "$dir/$name")
        [ $((room + gone)) -ge "$need" ] ||
            { echo "what the new server boots from has $((room + gone)) bytes for $name, which needs $need" >&2; exit 1; }
        rm -f "$dir/$name"
    fi
    mkdir -p "$(dirname "$dir/$name")"
    cp "$file" "$dir/$name.replant"
    chmod 600 "$dir/$name.replant"
    sync "$dir/$name.replant"
    mv "$dir/$name.replant" "$dir/$name"
fi
sync -f "$dir"
umount "$dir"
# once more from the device, and not from memory
blockdev --flushbufs "$device"
mount -o "$options,ro" "$device" "$dir"
have=$(sum "$dir/$name")
umount "$dir"
rmdir "$dir"
[ "$have" = "$want" ] || { echo "$name on $device is ${have%% *}, it should be ${want%% *}" >&2; exit 1; }
