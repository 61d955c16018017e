#!/bin/sh
# packages-install.sh NAME=VERSION...: installs exactly these, and leaves every initramfs as it is.
# A package's trigger would rebuild old's initramfs in the middle of a migration; a private mount namespace
# answers update-initramfs(8) with `update_initramfs=no`, and nothing of that outlives this script.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ "${REPLANT_PRIVATE:-}" != yes ]; then
    REPLANT_PRIVATE=yes exec unshare --mount sh "$0" "$@"
fi
conf=/etc/initramfs-tools/update-initramfs.conf
if [ -e "$conf" ]; then
    quiet=$(mktemp /run/replant-conf.XXXXXX)
    echo 'update_initramfs=no' >"$quiet"
    mount --bind "$quiet" "$conf"
    trap 'umount "$conf"; rm -f "$quiet"' EXIT
fi
dpkg --configure -a
apt-get -q update
apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
