#!/bin/sh
# Written by replant for the migration {{ name }}; goes again with it. initramfs-tools(7), {{ place }}
#
# While volumes are mirrored to the new server, their group is not complete without it, and nothing activates an
# incomplete group at boot. Where every disk of this server that belongs to the group is here, what is on the other
# server is given up: the volumes are plain again, and this server boots from its own disks, as it did before.
#
# {{ "local-block runs again and again, but only while the root device is missing; the other groups have the same script in local-bottom." if place == "local-block" else "local-bottom runs once, when the root file system is mounted: for the groups that it is not on." }}
case "$1" in
prereqs) exit 0 ;;
esac

# whole GROUP: it is here, and misses nothing
whole() {
    set -- $(lvm vgs --noheadings --options vg_missing_pv_count "$1" 2>/dev/null)
    [ "$1" = 0 ]
}

# all_here UUID...: these physical volumes are. LVM lists what it misses too, as [unknown]
all_here() {
    here=
    while read -r name uuid; do
        case "$name" in
        *unknown*) ;;
        *) here="$here $uuid" ;;
        esac
    done <<LIST
$(lvm pvs --noheadings --options pv_name,pv_uuid 2>/dev/null)
LIST
    for uuid; do
        case "$here" in
        *"$uuid"*) ;;
        *) return 1 ;;
        esac
    done
}

{% for group in groups -%}
own_{{ loop.index }}() {
    all_here{% for pv in group.pvs %} {{ pv }}{% endfor %}

}
give_up_{{ loop.index }}() {
    lvm vgreduce --removemissing --mirrorsonly --force {{ group.vg }} || true
    for volume in{% for lv in group.raid1 %} {{ lv }}{% endfor %}; do
        lvm lvconvert --yes --mirrors 0 {{ group.vg }}/$volume 2>/dev/null || true
    done
    lvm vgreduce --removemissing {{ group.vg }} || true
    lvm vgchange --sysinit --activate y --activationmode degraded {{ group.vg }}
}
{% endfor -%}
{% if place == "local-block" -%}
# By the clock, not by the number of calls: on a slow machine each takes seconds, and they end after half a minute.
read -r now _ </proc/uptime
now=${now%%.*}
[ -e /run/replant-since ] || echo "$now" >/run/replant-since
read -r since </run/replant-since
[ $((now - since)) -ge 15 ] || exit 0
{% for group in groups -%}
whole {{ group.vg }} || ! own_{{ loop.index }} || give_up_{{ loop.index }}
{% endfor -%}
{% else -%}
# This server's own disks may come late; where nothing is missing there is nothing to wait for.
{% for group in groups -%}
tries=0
until whole {{ group.vg }} || [ $tries -ge 15 ]; do
    if own_{{ loop.index }}; then
        give_up_{{ loop.index }}
        break
    fi
    tries=$((tries + 1))
    sleep 1
done
{% endfor -%}
{% endif -%}
exit 0
