#!/bin/sh
# array-repair.sh ARRAY...: md makes the halves of each array alike where nothing was written yet, in the background: md(4), sync_action.
set -eu
for array in "$@"; do
    device=$(readlink -e "$array") || { echo "there is no array $array" >&2; exit 1; }
    action=/sys/block/${device##*/}/md/sync_action
    read -r now <"$action"
    case $now in
    idle) echo repair >"$action" ;;
    # after a loss of power it does so by itself
    resync | repair) ;;
    *)
        echo "$device is at work ($now): when that has ended, apply once more" >&2
        exit 1
        ;;
    esac
done
