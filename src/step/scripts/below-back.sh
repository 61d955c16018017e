#!/bin/sh
# below-back.sh VOLUME NUMBER: the volume lies on its own disks again, and nothing is left of the array beneath it.
set -eu
volume=$1 number=$2
md=/dev/md$number sys=/sys/block/md$number/md
old=replant-$number-old new=replant-$number-new
case $(dmsetup table "$volume") in
*" linear 9:$number 0")
    # what the volume had is the old leg without its end in memory
    dmsetup table "$old" | sed '$d' | dmsetup load "$volume"
    dmsetup resume --noflush --nolockfs "$volume"
    ;;
*) dmsetup clear "$volume" ;;
esac
n=0
until [ "$(cat "$sys/array_state" 2>/dev/null || echo clear)" = clear ] || mdadm --quiet --stop "$md"; do
    n=$((n + 1))
    [ "$n" -le 30 ] || exit 1
    sleep 1
done
for part in "$new" "$old"; do [ ! -e "/dev/mapper/$part" ] || dmsetup remove --retry "$part"; done
