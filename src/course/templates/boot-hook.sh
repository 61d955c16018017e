#!/bin/sh
# Written by replant for the migration {{ name }}; goes again with it. initramfs-tools(7), local-block
#
# While volumes are mirrored to the new server, their group is not complete without it, and nothing activates an
# incomplete group at boot. After a quarter of a minute without the root device, and only if every disk of this server
# that belongs to the group is here, what is on the other server is given up: the volumes are plain again, and this
# server boots from its own disks, as it did before.
case "$1" in
prereqs) exit 0 ;;
esac

tries=0
[ ! -e /run/replant-tries ] || read -r tries </run/replant-tries
tries=$((tries + 1))
echo "$tries" >/run/replant-tries
[ "$tries" -ge 15 ] || exit 0
[ $((tries % 5)) -eq 0 ] || exit 0

{% for group in groups -%}
give_up_{{ loop.index }}() {
    # LVM lists what it misses too, as [unknown]
    here=
    while read -r name uuid; do
        case "$name" in
        *unknown*) ;;
        *) here="$here $uuid" ;;
        esac
    done <<LIST
$(lvm pvs --noheadings --options pv_name,pv_uuid 2>/dev/null)
LIST
    for uuid in{% for pv in group.pvs %} {{ pv }}{% endfor %}; do
        case "$here" in
        *"$uuid"*) ;;
        *) return 0 ;;
        esac
    done
    lvm vgreduce --removemissing --mirrorsonly --force {{ group.vg }} || true
    for volume in{% for lv in group.raid1 %} {{ lv }}{% endfor %}; do
        lvm lvconvert --yes --mirrors 0 {{ group.vg }}/$volume 2>/dev/null || true
    done
    lvm vgreduce --removemissing {{ group.vg }} || true
    lvm vgchange --sysinit --activate y --activationmode degraded {{ group.vg }}
}
give_up_{{ loop.index }}
{% endfor -%}
exit 0
