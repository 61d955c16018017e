#!/bin/sh
# hash.sh DIR [KEY DEVICE VOLUME BYTES WHAT LIST CHUNK SINCE]...: hashes what stands on each DEVICE, past what the kernel keeps of it in
# memory, all of them at once and behind our back. In DIR, in memory:
#   lock     held as long as something reads       pid     the group of processes that does
#   begun    `KEY READ WRITTEN SINCE`, before      hashes  `KEY HASH`, when all have ended; `unread` where it cannot be read
#   KEY      whose half it is: `vg0/root:old`      DEVICE  /dev/mapper/NAME
#   VOLUME   as device-mapper calls it, with what has been written to it: once that is more, the hash means nothing
#   BYTES    from the beginning                    WHAT    `all`, or the MiB at which pieces of a MiB begin: `0,17,34`
#   LIST     a file with the numbers of the chunks (CHUNK KiB) that were copied: of others nothing is read; where there is none, all
#   SINCE    the file that says when the copy began, or `-`
set -eu
dir=$1
shift

if [ "${REPLANT_BEHIND:-}" != yes ]; then
    mkdir -p "$dir"
    exec 9>>"$dir/lock"
    # what still reads is of another time
    flock -n 9 || { kill -s KILL -- "-$(cat "$dir/pid")" && flock -w 30 9; } ||
        { echo "what hashed before does not end" >&2; exit 1; }
    rm -f "$dir"/begun* "$dir"/hash*
    # counted NAME: sectors read from the device that device-mapper calls so, and written to it
    counted() {
        for d in /sys/block/dm-*; do
            name=
            { read -r name <"$d/dm/name"; } 2>/dev/null || true
            [ "$name" = "$1" ] || continue
            read -r _ _ from _ _ _ to _ <"$d/stat"
            echo "$from $to"
        done
    }
    all=$#
    while [ "$all" -gt 0 ]; do
        key=$1 device=$2 volume=$3 since=$8
        # what somebody wrote through the kernel's memory is on the disk, before it is counted
        [ ! -e "$device" ] || sync "$device" || true
        began=- word=none
        if [ "$since" != - ]; then
            { read -r word _ <"$since"; } 2>/dev/null || true
            began=${word%.*}
        fi
        from=$(counted "${device##*/}") to=$(counted "$volume")
        echo "$key ${from% *} ${to#* } $began" >>"$dir/begun.part"
        # once around: the arguments are as they were
        set -- "$@" "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8"
        shift 8
        all=$((all - 8))
    done
    mv "$dir/begun.part" "$dir/begun"
    REPLANT_BEHIND=yes setsid sh "$0" "$dir" "$@" </dev/null >/dev/null 2>&1 &
    echo "$!" >"$dir/pid"
    exit 0
fi

# span FROM TO: from one MiB to another, and not what is behind the end
span() {
    at=$(($1 * 1048576)) end=$(($2 * 1048576))
    [ "$end" -le "$bytes" ] || end=$bytes
    [ "$at" -lt "$end" ] || return 0
    dd if="$device" bs=1M skip="$1" count="$((end - at))" iflag=direct,count_bytes
}
# copied MIB: whether it lies in a chunk of the list
copied() {
    [ -e "$list" ] || return 0
    tr ' ' '\n' <"$list" | awk -F- -v at="$(($1 * 1024 / chunk))" '$1 + 0 <= at && at <= $2 + 0 { f = 1 } END { exit !f }'
}
pieces() {
    if [ "$what" != all ]; then
        for mib in $(echo "$what" | tr , ' '); do
            ! copied "$mib" || span "$mib" "$((mib + 1))" || return
        done
    elif [ -e "$list" ]; then
        for range in $(cat "$list"); do
            span "$((${range%-*} * chunk / 1024))" "$(((${range#*-} + 1) * chunk / 1024))" || return
        done
    else
        span 0 "$(((bytes + 1048575) / 1048576))"
    fi
}
one() {
    sum=$({ pieces || : >"$dir/hash-$n.bad"; } | sha256sum) || sum=
    sum=${sum%% *}
    [ -n "$sum" ] && [ ! -e "$dir/hash-$n.bad" ] || sum=unread
    echo "$key $sum" >"$dir/hash-$n"
}
n=0
while [ $# -gt 0 ]; do
    key=$1 device=$2 bytes=$4 what=$5 list=$6 chunk=$7
    n=$((n + 1))
    one &
    shift 8
done
wait
cat "$dir"/hash-*[0-9] >"$dir/hashes.part"
mv "$dir/hashes.part" "$dir/hashes"
