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

# By the clock, not by the number of calls: on a slow machine each takes seconds, and they end after half a minute.
read -r now _ </proc/uptime
now=${now%%.*}
[ -e /run/replant-since ] || echo "$now" >/run/replant-since
read -r since </run/replant-since
[ $((now - since)) -ge 15 ] || exit 0

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
