#!/bin/sh
# below-rest.sh [NUMBER LEG SINCE]...: lets the legs on new go, all at one moment. Old goes on alone, and md notes what changes from
# there on. What was sent until then is on new's disks when this ends, and SINCE, which said when the copy began, is SINCE.rest.
set -eu
leg() { echo "/dev/mapper/replant-$1-new"; }
member() { echo "/sys/block/md$1/md/dev-$(basename "$(readlink -f "$(leg "$1")")")"; }
rests() { [ -e "$2.rest" ] && [ ! -e "$(leg "$1")" ]; }

whole() {
    case ,$(cat "$(member "$1")/state" 2>/dev/null || echo none), in
    *,faulty,*) ;;
    *,in_sync,*) [ "$(cat "/sys/block/md$1/md/degraded")" != 0 ] || return 0 ;;
    esac
    echo "the copy of /dev/md$1 is not in sync: it cannot rest" >&2
    return 1
}

let_go() { mdadm --quiet --manage "/dev/md$1" --fail "$(leg "$1")"; }

put_to_rest() {
    n=0
    while [ -e "$(member "$1")" ]; do
        mdadm --quiet --manage "/dev/md$1" --remove "$(leg "$1")" 2>/dev/null || sleep 1
        n=$((n + 1))
        [ "$n" -le 30 ] || { echo "/dev/md$1 does not let go of $(leg "$1")" >&2; return 1; }
    done
    dmsetup remove --retry "replant-$1-new"
    # sync(1) of a device has new empty the caches of its disks; blockdev(8) only empties old's
    sync "$2"
    blockdev --flushbufs "$2"
    mv "$3" "$3.rest"
}

each() {
    what=$1
    shift
    while [ $# -ge 3 ]; do
        rests "$1" "$3" || "$what" "$1" "$2" "$3"
        shift 3
    done
}
each whole "$@"
each let_go "$@"
each put_to_rest "$@"
