#!/bin/sh
# fsck.sh TYPE DEVICE: the file system is clean, or was made so. fsck(8): 0 clean, 1 corrected
set -eu
case "$1" in
ext2 | ext3 | ext4)
    code=0
    e2fsck -f -p "$2" || code=$?
    [ "$code" -le 1 ] || exit "$code"
    ;;
xfs)
    # after a power cut its log must be replayed before it can be checked, and only mounting does that: xfs_repair(8)
    dir=$(mktemp -d /run/replant-xfs.XXXXXX)
    mount -t xfs "$2" "$dir"
    umount "$dir"
    rmdir "$dir"
    xfs_repair -n "$2"
    ;;
*) echo "no check is known for $1" ;;
esac
