#!/bin/sh
# finish-boot.sh DISK...: the boot files of the migrated system as its own tools make them, now that nothing waits for it.
# The disks are those that have its boot loader.
set -eu
update-initramfs -u -k all
update-grub
# The package of the boot loader remembers on which disks it is, and installs it there with each update: old's are not here,
# and an update would fail, or leave a boot loader on the disks that does not fit the files in /boot any more.
if [ "$(dpkg-query -W -f '${db:Status-Abbrev}' grub-pc 2>/dev/null)" = "ii " ]; then
    disks=
    for disk in "$@"; do disks="${disks:+$disks, }$disk"; done
    export DEBIAN_FRONTEND=noninteractive
    tries=0
    # daily upgrades may be running, and hold its database
    until printf 'grub-pc grub-pc/install_devices multiselect %s\ngrub-pc grub-pc/install_devices_empty boolean false\n' "$disks" |
        debconf-set-selections; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || { echo "debconf does not take the disks of the boot loader: $disks" >&2; exit 1; }
        sleep 5
    done
    debconf-show grub-pc | grep -qF "grub-pc/install_devices: $disks" ||
        { echo "debconf does not say that the boot loader is on $disks: debconf-show grub-pc" >&2; exit 1; }
fi
sync
