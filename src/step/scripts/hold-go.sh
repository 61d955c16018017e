#!/bin/sh
# hold-go.sh TAG GROUP...: on the new server in the hold, lets it boot. What was written to the volumes of these groups is on the
# disks, each group bears TAG, and then the boot goes on. From the first tag on, nothing that old still has is needed.
set -eu
tag=$1
shift
[ -p /run/replant/go ] || [ -e /run/replant/went ] || { echo "nobody holds here: there is no pipe /run/replant/go" >&2; exit 1; }
# what boots now, and its volumes, are a rehearsal's
[ ! -e /run/replant/rehearsal ] || { echo "a rehearsal is on: it ends by a reset" >&2; exit 1; }
# what stands yet would keep the volumes, and old could still write
for target in /sys/kernel/config/target/iscsi/iqn.*; do
    [ ! -e "$target" ] || { echo "${target##*/} is still exported" >&2; exit 1; }
done
for group in "$@"; do
    # a list that failed is not an empty one
    volumes=$(lvm lvs --noheadings --options lv_path --select 'lv_active=active' "$group")
    for volume in $volumes; do
        # fsync(2) of a device: what its disks have in their caches is written
        sync "$volume"
        blockdev --flushbufs "$volume"
    done
done
for group in "$@"; do
    lvm vgchange --quiet --addtag "$tag" "$group"
    stores=$(lvm pvs --noheadings --options pv_name --select "vg_name=$group")
    for store in $stores; do sync "$store"; done
done
# Where it has gone on already there is no pipe. Opened to read as well, so that it does not wait should nobody read.
[ ! -p /run/replant/go ] || echo go 1<>/run/replant/go
