#!/bin/sh
# packages-purge.sh NAME...: removes these packages and what they configured, and leaves every initramfs as it is.
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
apt-get -q -y purge "$@"
# a unit of theirs that had failed is not left behind as failed
for name in "$@"; do
    systemctl reset-failed "$name.service" 2>/dev/null || true
done
