#!/bin/sh
# below.sh VOLUME NUMBER SECTORS LEG AT CHUNK UUID CONF SINCE RATE [track]: a raid1 beneath a live volume, with new's disk as its second leg.
#   VOLUME  as device-mapper calls it: vg0-root     NUMBER  of the array: /dev/mdNUMBER     SECTORS  of the volume
#   LEG     the disk that new offers                AT      MiB in the RAM disk, where what md keeps of both legs begins
#   CHUNK   KiB for a bit of the bitmap             UUID    of the array                    CONF     of mdadm, if it is there
#   SINCE   a file that says when what md knows of the leg on new began: it is there only while md may know something
#   SINCE.clean is there in its place where the leg was let go for a while, and nothing has written to new's disk meanwhile
#   SINCE.bits lists the chunks that were copied, where not all were: below-used.sh
#   RATE    the most that is copied in a second, in KiB; `-`: as fast as it goes
#   track   md counts the leg on new as in sync, and has given it up before the volume lies on the array: all that is written
#           from then on has its bit in the bitmap. What is there already has none: that is for below-used.sh, which makes SINCE
# Nothing is written to the volume but by those who use it: superblock and bitmap (metadata 1.0, at a member's end) are in
# memory. A boot forgets all of this, and finds the volume as LVM knows it.
set -eu
volume=$1 number=$2 sectors=$3 leg=$4 at=$5 chunk=$6 uuid=$7 conf=$8 since=$9 rate=${10} only=${11-}
md=/dev/md$number sys=/sys/block/md$number/md ram=/dev/ram0 tail=8192
old=replant-$number-old new=replant-$number-new
mark="replant: copy of $volume begins"
ours="0 $sectors linear 9:$number 0"

forget() { dd if=/dev/zero of="$ram" bs=1M seek="$1" count=4 conv=notrunc,fsync 2>/dev/null; }
forget_leg() {
    forget "$((at + 4))"
    rm -f "$since" "$since.rest" "$since.clean" "$since.bits"
}
kernel() { basename "$(readlink -f "/dev/mapper/$1")"; }
of_leg() { cat "$sys/dev-$(kernel "$new")/state" 2>/dev/null || echo none; }

# what an attempt before this has left, where it is not in use
take_apart() {
    dmsetup clear "$volume"
    n=0
    until [ "$(cat "$sys/array_state" 2>/dev/null || echo clear)" = clear ] || mdadm --quiet --stop "$md"; do
        n=$((n + 1))
        [ "$n" -le 30 ] || { echo "$md cannot be stopped" >&2; exit 1; }
        sleep 1
    done
    for part in "$new" "$old"; do [ ! -e "/dev/mapper/$part" ] || dmsetup remove --retry "$part"; done
}

put_beneath() {
    table=$(dmsetup table "$volume")
    echo "$table" | awk '$3 != "linear" && $3 != "striped" { exit 1 }' ||
        { echo "$volume is not plain: $table" >&2; exit 1; }
    has=$(blockdev --getsz "/dev/mapper/$volume")
    [ "$has" = "$sectors" ] || { echo "$volume has $has sectors, and had $sectors when this was planned" >&2; exit 1; }
    # mdadm --create would zero a superblock that stands in the volume
    kind=$(blkid -p -o value -s TYPE "/dev/mapper/$volume" || true)
    case $kind in
    *_raid_member | LVM2_member) echo "$volume holds $kind: mdadm could write to it" >&2; exit 1 ;;
    esac
    forget "$at"
    forget_leg
    { echo "$table"; echo "$sectors $tail linear $ram $((at * 2048))"; } | dmsetup create "$old"
    set -- missing
    if [ "$only" = track ]; then
        make_leg
        # nobody reads from it, not even for the table of partitions
        set -- --write-mostly "/dev/mapper/$new"
    fi
    # the mode is the first option: mdadm(8)
    mdadm --create "$md" --config="$rules" --quiet --run --level=1 --raid-devices=2 --metadata=1.0 \
        --size="$((sectors / 2))" --bitmap=internal --bitmap-chunk="${chunk}K" --assume-clean --uuid="$uuid" \
        --name="replant-$number" --homehost=replant "/dev/mapper/$old" "$@"
    if [ "$only" = track ]; then
        drop_leg
        [ "$(cat "$sys/degraded")" = 1 ] || { echo "$md has not given up $new" >&2; exit 1; }
    fi
    # what is discarded would be so on the disks of this server only, and the copy would differ from then on
    [ ! -e "/sys/block/md$number/queue/discard_max_bytes" ] || echo 0 >"/sys/block/md$number/queue/discard_max_bytes" || true
    has=$(blockdev --getsz "$md")
    [ "$has" = "$sectors" ] || { echo "$md has $has sectors, $volume has $sectors" >&2; exit 1; }
    dmsetup load "$volume" --table "$ours"
    dmsetup resume --noflush --nolockfs "$volume"
}

drop_leg() {
    case ,$(of_leg), in
    *,none,*) ;;
    *)
        mdadm --quiet --manage "$md" --fail "/dev/mapper/$new" 2>/dev/null || true
        n=0
        until mdadm --quiet --manage "$md" --remove "/dev/mapper/$new" 2>/dev/null; do
            n=$((n + 1))
            [ "$n" -le 30 ] || { echo "$md does not let go of $new" >&2; exit 1; }
            sleep 1
        done
        ;;
    esac
    dmsetup remove --retry "$new"
}

# in a mount namespace of its own mdadm finds our rules where it looks for the system's: it takes no --config to add
manage() {
    # shellcheck disable=SC2016
    unshare --mount sh -c '[ ! -e "$2" ] || mount --bind "$1" "$2"; shift 2; exec mdadm --quiet --manage "$@"' \
        sh "$rules" "$conf" "$md" "$@"
}

make_leg() {
    [ -e "$leg" ] || { echo "there is no disk $leg" >&2; exit 1; }
    has=$(blockdev --getsz "$leg")
    [ "$has" -ge "$sectors" ] || { echo "$leg has $has sectors, $volume has $sectors" >&2; exit 1; }
    printf '0 %s linear %s 0\n%s %s linear %s %s\n' "$sectors" "$leg" "$sectors" "$tail" "$ram" "$(((at + 4) * 2048))" |
        dmsetup create "$new"
}

add_leg() {
    make_leg
    echo "$mark" >/dev/kmsg
    # with what it knows of the leg md sends what has changed, without it everything
    known=$(mdadm --examine --export "/dev/mapper/$new" 2>/dev/null | grep -x "MD_UUID=$uuid" || true)
    if [ ! -e "$since" ] || [ -z "$known" ] || ! manage --re-add "/dev/mapper/$new" 2>/dev/null; then
        forget_leg
        cat /proc/uptime >"$since"
        manage --add "/dev/mapper/$new"
    fi
    # not by --write-mostly: mdadm 4.2 makes the leg of such an array faulty at once
    echo writemostly >"$sys/dev-$(kernel "$new")/state"
}

# the leg is in the array, and the kernel has complained of it since the copy began
spoilt() {
    case ,$(of_leg), in *,none,* | *,faulty,*) return 1 ;; esac
    dmesg | awk -v mark="$mark" -v md="md/raid1:md$number:" \
        'index($0, mark) { bad = 0 } index($0, md) && / failure| error|redirecting/ { bad = 1 } END { exit !bad }'
}

mkdir -p "${since%/*}"
rules=${since%/*}/mdadm-rules
# With a list of bad blocks md goes on with a leg that takes no writes; without one it gives it up: mdadm(8), CREATE in its configuration
printf 'CREATE bbl=no\nAUTO -all\n' >"$rules"
lies=$(dmsetup table "$volume")
# a leg that rested is as it was when it was let go: what md knows of it begins now
if [ "$lies" = "$ours" ] && [ -e "$since.clean" ]; then
    cat /proc/uptime >"$since"
    rm "$since.clean"
fi
if [ "$only" = track ]; then
    # what md knows of the leg tells what it lacks
    if [ "$lies" = "$ours" ] && [ -e "$since" ] && ! spoilt; then exit 0; fi
    if [ "$lies" = "$ours" ]; then
        # what the volume had is the old leg without its end in memory
        dmsetup table "$old" | sed '$d' | dmsetup load "$volume"
        dmsetup resume --noflush --nolockfs "$volume"
    fi
    take_apart
    put_beneath
    exit 0
fi
if [ "$lies" != "$ours" ]; then
    take_apart
    put_beneath
fi
# In KiB/s. The kernel may hold the copy back to the lower one while others use the disks; the system's own upper one is less
# than a fast network carries. Where the lower one is above the upper one, it holds nothing back: md(4)
most=$rate least=$rate
[ "$rate" != - ] || most=100000000 least=200000
echo "$most" >"$sys/sync_speed_max"
echo "$least" >"$sys/sync_speed_min"
if [ -e "/dev/mapper/$new" ]; then
    case ,$(of_leg), in
    *,none,* | *,faulty,*) drop_leg ;;
    *)
        spoilt || exit 0
        drop_leg
        forget_leg
        ;;
    esac
fi
add_leg
