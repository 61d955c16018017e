#!/bin/sh
# boot-copy.sh FROM TO HASHFILE: copies one block device onto another and proves that what arrived is equal.
# FROM is mounted read-only or not at all. The hash is left in HASHFILE, for the proof on the other server.
set -eu
from=$1 to=$2 hashfile=$3
size=$(blockdev --getsize64 "$from")
room=$(blockdev --getsize64 "$to")
[ "$room" -ge "$size" ] || { echo "$to has $room bytes, $from has $size" >&2; exit 1; }
sync
blockdev --flushbufs "$from"
dd if="$from" of="$to" bs=1M iflag=direct oflag=direct conv=fsync
blockdev --flushbufs "$to"
here=$(dd if="$from" bs=1M iflag=direct 2>/dev/null | sha256sum)
there=$(dd if="$to" bs=1M iflag=direct,count_bytes count="$size" 2>/dev/null | sha256sum)
[ "$here" = "$there" ] || { echo "the copy differs: ${here%% *} here, ${there%% *} there" >&2; exit 1; }
mkdir -p "${hashfile%/*}"
echo "${here%% *} $size" >"$hashfile"
sync "$hashfile"
