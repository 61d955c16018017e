#!/bin/sh
# hold-hook.sh: an initramfs-tools(7) hook; what the hold needs beside what this server's own hooks bring.
# It runs after all hooks of packages, and so has the last word. What it puts in lies beside it, in $CONFDIR/replant.
set -eu
case "${1:-}" in
prereqs) exit 0 ;;
esac
# shellcheck source=/dev/null
. /usr/share/initramfs-tools/hook-functions
from=$CONFDIR/replant

# Busybox has its own of some of these, with fewer options and a few of none at all: what is asked of a server over ssh is
# meant for the real ones. Not the shell itself, and not mount(8): those are what initramfs-tools knows.
tools="awk base64 basename blkdiscard blkid blockdev cat chmod chown chroot cmp cp cut date dd df dirname dmesg dmsetup e2fsck env expr find findmnt
    flock grep gzip head hostname id ip ln ls lsblk mkdir mkfifo mkswap mktemp mountpoint mv nohup nsenter od readlink rm rmdir sed seq
    setsid sfdisk sha256sum sleep sort stat sync tail tar tee timeout touch tr truncate uname uniq unshare uptime wc wipefs xargs"
set --
for tool in $tools; do
    real=$(PATH=/usr/bin:/usr/sbin:/bin:/sbin command -v "$tool") || { echo "there is no $tool here" >&2; exit 1; }
    # a name that is taken is left as it is by copy_exec, and busybox has taken many
    rm -f "$DESTDIR/usr/bin/$tool" "$DESTDIR/usr/sbin/$tool" "$DESTDIR/bin/$tool" "$DESTDIR/sbin/$tool"
    cp -L "$real" "$DESTDIR$real"
    set -- "$@" "$real"
done
for name in lvchange lvcreate lvextend lvremove lvs pvcreate pvremove pvs vgchange vgcreate vgremove vgs; do ln -sf lvm "$DESTDIR/sbin/$name"; done
# From 9.8 on OpenSSH's server is several programs.
for program in /usr/sbin/sshd /usr/lib/openssh/sshd-session /usr/lib/openssh/sshd-auth; do
    [ -e "$program" ] || continue
    mkdir -p "$DESTDIR${program%/*}"
    cp -L "$program" "$DESTDIR$program"
    set -- "$@" "$program"
done
# All libraries at once: copy_exec would look for each program's by itself. ldd(1) fails for a program that needs none.
for library in $( { ldd "$@" 2>/dev/null || true; } |
    awk '/^[ \t]/ { for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | sort -u); do
    copy_exec "$library" || [ -e "$DESTDIR$library" ]
done
# before glibc 2.34 the name service was a library of its own
for library in /lib/*-linux-gnu/libnss_files.so.2; do
    [ ! -e "$library" ] || copy_exec "$library" || [ -e "$DESTDIR$library" ]
done

# The kernel's iSCSI target, and what a rehearsal needs. They are loaded when they are wanted.
for module in configfs target_core_mod target_core_iblock iscsi_target_mod crc32c_generic crc32c_intel libcrc32c \
    dm_snapshot brd veth dummy; do
    manual_add_modules "$module"
done

# This server's own arrays and groups are of no interest there; what is exported must not be looked at there.
mkdir -p "$DESTDIR/etc/mdadm"
rm -f "$DESTDIR/etc/mdadm.conf"
rm -rf "$DESTDIR/etc/lvm" "$DESTDIR/etc/mdadm/mdadm.conf.d"
mkdir -p "$DESTDIR/etc/lvm"
cp "$from/mdadm.conf" "$DESTDIR/etc/mdadm/mdadm.conf"
cp "$from/lvm.conf" "$DESTDIR/etc/lvm/lvm.conf"
# The name of the card: the first file that matches it counts.
if [ -e "$from/network.link" ]; then
    mkdir -p "$DESTDIR/etc/systemd/network"
    cp "$from/network.link" "$DESTDIR/etc/systemd/network/00-replant.link"
fi
if [ -e "$from/network.rules" ]; then
    mkdir -p "$DESTDIR/etc/udev/rules.d"
    cp "$from/network.rules" "$DESTDIR/etc/udev/rules.d/76-replant.rules"
fi

mkdir -p "$DESTDIR/etc/replant"
for file in sshd_config host_key authorized_keys; do
    cp "$from/$file" "$DESTDIR/etc/replant/$file"
    chmod 600 "$DESTDIR/etc/replant/$file"
done
# Other hooks may have users of their own. The home of root is /, because /root is where the real one will be mounted.
touch "$DESTDIR/etc/passwd" "$DESTDIR/etc/group"
sed -i '/^root:/d; /^sshd:/d' "$DESTDIR/etc/passwd"
printf 'root:*:0:0:root:/:/bin/sh\nsshd:*:100:65534::/run/sshd:/usr/sbin/nologin\n' >>"$DESTDIR/etc/passwd"
grep -q '^root:' "$DESTDIR/etc/group" || echo 'root:x:0:' >>"$DESTDIR/etc/group"
grep -q ':65534:' "$DESTDIR/etc/group" || echo 'nogroup:x:65534:' >>"$DESTDIR/etc/group"
printf 'passwd: files\ngroup: files\nshadow: files\n' >"$DESTDIR/etc/nsswitch.conf"
# sshd(8) and its clients' shells look there
chmod 755 "$DESTDIR" "$DESTDIR/etc" "$DESTDIR/etc/replant"
chmod 644 "$DESTDIR/etc/passwd" "$DESTDIR/etc/group" "$DESTDIR/etc/nsswitch.conf"
