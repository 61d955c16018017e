#!/bin/sh
# rehearse.sh MIB LIMIT TAG GROUP...: on the new server in the hold, boots the system that was copied, cut off from the network: its
# volumes are snapshots with MIB of memory each, its cards are ends of wires that lead nowhere, and whoever rehearses comes in by
# the real card, which is in a network namespace of its own. Nothing is written to a volume: what the snapshots stand on cannot
# be. It ends by a reset, after LIMIT seconds by itself; then new holds again. TAG is what would let it boot for good.
set -eu
mark=/run/replant/rehearsal written=/run/replant/rehearsal-written ctl=/run/ctl

say() {
    echo "$*" >"$mark.new"
    mv "$mark.new" "$mark"
}
no() {
    echo "$*" >&2
    exit 1
}
cards() { for file in /sys/class/net/*/device; do [ ! -e "$file" ] || { file=${file%/device} && echo "${file##*/}"; }; done; }

# What is so before anything is changed. A group with the tag would let the reset boot it for good, beside old.
may() {
    [ -p /run/replant/go ] || no "nobody holds here: there is no pipe /run/replant/go"
    [ ! -e "$mark" ] || no "a rehearsal has been begun here: it ends by a reset"
    [ -e /proc/sysrq-trigger ] || no "this kernel cannot be reset by /proc/sysrq-trigger"
    for target in /sys/kernel/config/target/iscsi/iqn.*; do
        [ ! -e "$target" ] || no "${target##*/} is still exported"
    done
    for group in "$@"; do
        tags=$(lvm vgs --noheadings --options vg_tags "$group" | tr -d ' ')
        case ,$tags, in
        *,"$tag",*) no "$group bears the tag $tag: new is let go on already" ;;
        esac
    done
}

# The address of the hold, and the card that has it: one line, CARD ADDRESS [GATEWAY]
find_card() {
    found=$(ip -oneline address show up scope global | awk '{ print $2, $4 }')
    [ "$(echo "$found" | wc -w)" = 2 ] || no "not one address is here, but: $found"
    echo "$found $( { ip -oneline -4 route show default && ip -oneline -6 route show default; } | awk '/^default via/ { print $3; exit }')"
}

# Each volume becomes a snapshot of what it is now. Writes go to a RAM disk, which takes memory as it is written to. Not to zram:
# its blocks are of 4096 bytes, and so would be the snapshot's; XFS made with sectors of 512 bytes cannot be mounted from that.
snapshots() {
    modprobe dm_snapshot
    mkdir -p /run/udev/rules.d
    # the content is that of the volume: links by UUID must go on meaning the volume
    echo 'SUBSYSTEM=="block", KERNEL=="dm-*", ATTR{dm/name}=="replant-base-*", ENV{DM_UDEV_DISABLE_DISK_RULES_FLAG}="1", ENV{DM_UDEV_DISABLE_OTHER_RULES_FLAG}="1", ENV{SYSTEMD_READY}="0", OPTIONS:="nowatch"' \
        >/run/udev/rules.d/59-replant-rehearsal.rules
    udevadm control --reload
    volumes=$(for group in "$@"; do lvm lvs --noheadings --options lv_dm_path --select 'lv_active=active' "$group"; done)
    modprobe brd rd_nr="$(echo "$volumes" | wc -w)" rd_size="$((mib * 1024))" max_part=1
    udevadm settle
    n=0
    for volume in $volumes; do
        name=${volume##*/} base=replant-base-${volume##*/}
        dmsetup table "$name" | awk '$3 != "linear" && $3 != "striped" { exit 1 }' ||
            no "$name is not plain: $(dmsetup table "$name")"
        sectors=$(blockdev --getsz "$volume")
        dmsetup table "$name" | dmsetup create "$base" --readonly
        dmsetup load "$name" --table "0 $sectors snapshot /dev/mapper/$base /dev/ram$n N 8"
        dmsetup resume "$name"
        [ "$(blockdev --getro "/dev/mapper/$base")" = 1 ] || no "$base can be written to"
        kernel=$(readlink -f "/dev/mapper/$base")
        echo "${kernel##*/} $(counted "${kernel##*/}")" >>"$written.new"
        n=$((n + 1))
    done
    [ "$n" -gt 0 ] || no "no volume of $* is active"
}

# Sectors written to and given up until now: Linux, Documentation/block/stat.rst
counted() { awk '{ print $7 + $14 }' "/sys/class/block/$1/stat"; }

# Nobody can open for writing what is not a member of an array: not /boot, not what LVM stands on, no table of partitions. What was
# written to these, but for the tables, is counted from here on.
close_disks() {
    for block in /sys/class/block/*; do
        name=${block##*/}
        case $name in
        dm-* | ram* | loop* | zram* | sr* | fd* | nbd*) continue ;;
        esac
        for holder in "$block"/holders/md*; do [ ! -e "$holder" ] || continue 2; done
        [ "$(cat "$block/size")" != 0 ] || continue
        blockdev --setro "/dev/$name"
        # what nobody has open
        [ ! -e "$block/md/array_state" ] || echo readonly 2>/dev/null >"$block/md/array_state" || true
        parts=
        for part in "$block"/*/partition; do [ ! -e "$part" ] || parts=yes; done
        [ -n "$parts" ] || echo "$name $(counted "$name")" >>"$written.new"
    done
    mv "$written.new" "$written"
}

# A card whose driver comes later would come up in the system's own network: there is none.
no_more_cards() {
    ours=$(for card in $(cards); do readlink -f "/sys/class/net/$card/device"; done)
    for device in /sys/bus/pci/devices/*; do
        case $(cat "$device/class" 2>/dev/null) in
        0x02*) ;;
        *) continue ;;
        esac
        path=$(readlink -f "$device")
        for card in $ours; do
            case $card in
            "$path" | "$path"/*) continue 2 ;;
            esac
        done
        echo 1 >"$device/remove"
    done
    for hub in /sys/bus/usb/devices/usb*/authorized_default; do [ ! -e "$hub" ] || echo 0 >"$hub"; done
    for part in /sys/bus/usb/devices/*:*; do
        case $(cat "$part/bInterfaceClass" 2>/dev/null) in
        02 | 0a | e0 | ff) ;;
        *) continue ;;
        esac
        device=${part%:*}
        [ -n "$(find "$device/" -name block)" ] || [ -n "$(find "$device/" -path '*/net/*')" ] ||
            [ ! -e "$device/authorized" ] || echo 0 >"$device/authorized"
    done
}

# The files of the hold once more, for the initramfs deletes them: /run is mounted noexec, so in a file system of their own.
way_in() {
    mkdir -p "$ctl"
    mount -t tmpfs -o mode=0755,size=256M replant-ctl "$ctl"
    for dir in bin sbin lib lib32 lib64 usr etc; do [ ! -e "/$dir" ] || cp -a "/$dir" "$ctl/"; done
    mkdir -p "$ctl/dev" "$ctl/proc" "$ctl/sys" "$ctl/tmp" "$ctl/run/sshd"
    for dir in dev proc sys; do mount --bind "/$dir" "$ctl/$dir"; done
    # the hold ends what is called sshd
    mv "$ctl/usr/sbin/sshd" "$ctl/usr/sbin/ctl-sshd"
    sed 's/^PidFile.*/PidFile \/run\/ctl-sshd.pid/' /etc/replant/sshd_config >"$ctl/etc/replant/sshd_config"
    # systemd(1) ends nothing whose name begins so: it holds the namespace, and the real card in it
    cp "$(command -v timeout)" "$ctl/usr/bin/@replant"
    cp -a /run/replant "$ctl/run/"
    # by what udev knows of the disks the machine is known, whatever the system makes of that
    mkdir -p "$ctl/run/udev"
    cp -a /run/udev/data "$ctl/run/udev/"
    rm -f "$ctl/run/replant/go"
}

prepare() {
    may "$@"
    say begun
    where=$(find_card)
    snapshots "$@"
    close_disks
    no_more_cards
    way_in
    # shellcheck disable=SC2086
    setsid sh "$0" away "$limit" $where >/run/replant/rehearsal.log 2>&1 </dev/null &
}

inside() { nsenter --net="$ctl/run/net" "$@"; }

# A card of the same name and address for the system, and its other end, at which nobody answers.
stand_in() {
    ip link add "$1" address "$2" type veth peer name "ctl$n" netns "$holder"
    # shellcheck disable=SC2016
    inside sh -c 'cd /proc/sys/net; echo 8 >"ipv4/conf/$1/arp_ignore"; [ ! -e "ipv6/conf/$1" ] || echo 1 >"ipv6/conf/$1/disable_ipv6"' sh "ctl$n"
    inside ip link set "ctl$n" up
    n=$((n + 1))
}

move() {
    mac=$(cat "/sys/class/net/$1/address")
    ip link set "$1" netns "$holder"
    stand_in "$1" "$mac"
}

ended() {
    [ "$1" != 0 ] || return 0
    why=$(tail -n 1 /run/replant/rehearsal.log)
    # nobody can reach it any more
    [ -z "$moved" ] || echo b >/proc/sysrq-trigger
    say "failed $why"
}

away() {
    limit=$1 card=$2 address=$3 gateway=${4:-} moved='' n=0
    trap 'ended $?' EXIT
    # whoever began this has the answer by then
    sleep 1
    # shellcheck disable=SC2016
    unshare --net chroot "$ctl" /bin/sh -c 'echo $$ >/run/holder; exec @replant "$(($1 + 600))" sh -c "sleep $1; echo b >/proc/sysrq-trigger"' sh "$limit" &
    tries=0
    until [ -s "$ctl/run/holder" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || no "there is no network namespace"
        sleep 0.1
    done
    holder=$(cat "$ctl/run/holder")
    echo -1000 >"/proc/$holder/oom_score_adj" || true
    # it outlives its processes
    : >"$ctl/run/net"
    mount --bind "/proc/$holder/ns/net" "$ctl/run/net"
    inside sh -c 'cd /proc/sys/net; echo 0 >ipv4/ip_forward; [ ! -e ipv6 ] || echo 0 >ipv6/conf/all/forwarding'
    for other in $(cards); do [ "$other" = "$card" ] || move "$other"; done
    moved=yes
    move "$card"
    left=$(cards)
    [ -z "$left" ] || no "these cards are still the system's own: $left"
    # as in the hold: it has this address and no other
    six=/proc/sys/net/ipv6/conf/$card
    inside ip link set lo up
    case $address in
    *:*)
        inside sh -c "echo 0 >$six/accept_ra"
        inside ip link set "$card" up
        inside ip address add "$address" dev "$card" nodad
        ;;
    *)
        inside sh -c "[ ! -e $six ] || echo 1 >$six/disable_ipv6"
        inside ip link set "$card" up
        inside ip address add "$address" dev "$card"
        ;;
    esac
    [ -z "$gateway" ] || inside ip route add default via "$gateway" dev "$card" onlink
    inside chroot "$ctl" /bin/sh -c 'while :; do /usr/sbin/ctl-sshd -D -f /etc/replant/sshd_config -E /run/sshd.log; sleep 1; done' &
    read -r now _ </proc/uptime
    say "went $now"
    cp "$mark" "$ctl/run/replant/rehearsal"
    # opened to read as well, so that it does not wait should nobody read
    echo go 1<>/run/replant/go
}

if [ "$1" = away ]; then
    shift
    away "$@"
else
    mib=$1 limit=$2 tag=$3
    shift 3
    prepare "$@"
fi
