#!/bin/sh
# below-drop.sh NUMBER AT SINCE: the leg on new is given up for good, with all that md knew of it: it is copied whole next time.
set -eu
number=$1 at=$2 since=$3
md=/dev/md$number sys=/sys/block/md$number/md new=replant-$number-new
if [ -e "/dev/mapper/$new" ]; then
    kernel=$(basename "$(readlink -f "/dev/mapper/$new")")
    n=0
    while [ -e "$sys/dev-$kernel" ]; do
        mdadm --quiet --manage "$md" --fail "/dev/mapper/$new" 2>/dev/null || true
        mdadm --quiet --manage "$md" --remove "/dev/mapper/$new" 2>/dev/null || sleep 1
        n=$((n + 1))
        [ "$n" -le 30 ] || { echo "$md does not let go of $new" >&2; exit 1; }
    done
    dmsetup remove --retry "$new"
fi
[ ! -e /dev/ram0 ] || dd if=/dev/zero of=/dev/ram0 bs=1M seek="$((at + 4))" count=4 conv=notrunc,fsync 2>/dev/null
rm -f "$since" "$since.rest" "$since.clean" "$since.bits"
