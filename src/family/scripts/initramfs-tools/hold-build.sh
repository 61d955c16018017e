#!/bin/sh
# hold-build.sh KERNEL FROM WORK FILE HOSTKEY KEYS MUST...: on old, builds an initramfs for the new server, with the hold, into FILE.
# FROM has hook.sh, local-top.sh, sshd_config, arrays.conf, lvm.conf, modules (a list, may be empty), and network.link or
# network.rules. Everything on the way lies in WORK, a directory of ours, which goes whatever comes of it. HOSTKEY is the private key
# of the hold, KEYS the authorized_keys(5) of it. FILE holds all that it MUST, or is not made.
# Nothing of this server's own boot is read by another name or written: it has a copy of /etc/initramfs-tools.
set -eu
kernel=$1 from=$2 work=$3 file=$4 host_key=$5 keys=$6
# /run is mounted noexec, and a hook that cannot be executed is passed over without a word: not so in a mount namespace of
# our own, which ends with this script
if [ "${REPLANT_PRIVATE:-}" != yes ]; then
    REPLANT_PRIVATE=yes exec unshare --mount sh "$0" "$@"
fi
shift 6
umask 077
rm -rf "$work"
mkdir -p "$work"
# a directory of this run: what an interrupted one left running may still write to its own
here=$(mktemp -d "$work/XXXXXX")
# it has a private key in it
trap 'umount "$here" 2>/dev/null || :; rm -rf "$work" "$file.replant"' EXIT
mount --bind "$here" "$here"
mount -o remount,bind,exec "$here"

conf=$here/conf
mkdir "$conf" "$here/tmp"
cp -a /etc/initramfs-tools/. "$conf"
# what was a link there may lead nowhere here
find /etc/initramfs-tools -type l | while read -r link; do
    copy=$conf/${link#/etc/initramfs-tools/}
    [ ! -e "$link" ] || { rm -f "$copy" && cp -RpL "$link" "$copy"; }
done
mkdir -p "$conf/hooks" "$conf/conf.d" "$conf/scripts/local-top" "$conf/replant"
# the names of hooks and scripts end in nothing: initramfs-tools would pass over others
cp "$from/hook.sh" "$conf/hooks/zz-replant"
cp "$from/local-top.sh" "$conf/scripts/local-top/replant"
chmod 755 "$conf/hooks/zz-replant" "$conf/scripts/local-top/replant"
cp "$from/sshd_config" "$from/lvm.conf" "$conf/replant"
cp "$from/arrays.conf" "$conf/replant/mdadm.conf"
if [ -e "$from/network.link" ]; then cp "$from/network.link" "$conf/replant" && set -- /00-replant.link "$@"; fi
if [ -e "$from/network.rules" ]; then cp "$from/network.rules" "$conf/replant" && set -- /76-replant.rules "$@"; fi
cp "$host_key" "$conf/replant/host_key"
cp "$keys" "$conf/replant/authorized_keys"
touch "$conf/modules"
# a last line without its end would swallow the first of ours
echo >>"$conf/modules"
cat "$from/modules" >>"$conf/modules"
# The image holds a private key. The new server has nothing to wake up from, and takes no address but that of the hold. It is
# read once or twice: packing it as tightly as can be costs a busy server minutes. initramfs.conf(5)
printf 'UMASK=0077\nRESUME=none\nIP=off\nCOMPRESSLEVEL=3\n' >"$conf/conf.d/zz-replant"

TMPDIR=$here/tmp mkinitramfs -d "$conf" -o "$here/made" "$kernel"

# the kernel takes `-` and `_` in the name of a module for the same, and the names of their files use either
list=$(lsinitramfs "$here/made" | tr - _)
builtin=$(tr - _ <"/lib/modules/$kernel/modules.builtin")
lacks=
for must in sbin/sshd bin/ip bin/flock bin/mountpoint bin/sha256sum bin/blockdev bin/lsblk bin/sfdisk bin/wipefs bin/mkfifo \
    sbin/mdadm sbin/lvm bin/udevadm bin/busybox etc/mdadm/mdadm.conf etc/lvm/lvm.conf etc/replant/host_key etc/replant/authorized_keys \
    etc/replant/sshd_config scripts/local-top/replant /target_core_iblock.ko /iscsi_target_mod.ko /dm-mod.ko \
    "$@"; do
    must=$(printf %s "$must" | tr - _)
    # Whole names: there is always a bin/ipconfig. Built into the kernel is as good as in the image, and modules may be packed.
    case "
$list
$builtin
" in
    *"$must
"* | *"$must.xz
"* | *"$must.zst
"* | *"$must.gz
"*) ;;
    *) lacks="$lacks $must" ;;
    esac
done
[ -z "$lacks" ] || { echo "the initramfs for the new server lacks:$lacks" >&2; exit 1; }
mkdir -p "${file%/*}"
cp "$here/made" "$file.replant"
sync "$file.replant"
mv "$file.replant" "$file"
