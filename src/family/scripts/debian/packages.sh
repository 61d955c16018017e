#!/bin/sh
# packages.sh install NAME=VERSION...: installs exactly these.
# packages.sh purge NAME...: removes these, and what they configured.
# A package's trigger would rebuild the initramfs in the middle of a migration; a private mount namespace answers
# update-initramfs(8) with `update_initramfs=no`, and nothing of that outlives this script.
set -eu
# Nothing may ask, and nothing may be restarted: old serves. needrestart(1), a hook of apt on Ubuntu, would restart whatever
# uses a library that is newer on disk. The hooks of kernels build no initramfs. No policy-rc.d is needed: what is
# installed here is only what starts iscsid, and that is wanted.
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical
export NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l
export APT_LISTCHANGES_FRONTEND=none APT_LISTBUGS_FRONTEND=none
export INITRD=No
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
# the daily upgrades of the system may be running: wait for them, apt.conf(5)
apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

way=$1
shift
# what an interrupted run left half done
[ -z "$(dpkg --audit)" ] || dpkg --configure -a
case $way in
install)
    apt update
    apt --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@"
    ;;
purge)
    apt purge "$@"
    # a unit of theirs that had failed is not left behind as failed
    for name in "$@"; do
        systemctl reset-failed "$name.service" 2>/dev/null || true
    done
    ;;
*)
    echo "packages.sh: install or purge, not $way" >&2
    exit 2
    ;;
esac
