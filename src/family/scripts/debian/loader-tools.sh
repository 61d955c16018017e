#!/bin/sh
# loader-tools.sh FILE: on old, packs its own GRUB, and all that it needs to run in a chroot(8), into FILE.
set -eu
file=$1
set -- /bin/sh
for tool in grub-install grub-probe grub-mkimage udevadm mount mdadm; do
    path=$(command -v "$tool") || { echo "there is no $tool here" >&2; exit 1; }
    set -- "$@" "$path"
done
for path in /usr/lib/grub/i386-pc/grub-bios-setup /usr/sbin/grub-bios-setup; do
    [ ! -x "$path" ] || set -- "$@" "$path"
done
[ -e /usr/lib/grub/i386-pc/boot.img ] || { echo "/usr/lib/grub/i386-pc has no boot.img" >&2; exit 1; }
libraries=$( { ldd "$@" 2>/dev/null || true; } | awk '/^[ \t]/ { for (i = 1; i <= NF; i++) if ($i ~ /^\//) print $i }' | sort -u)
mkdir -p "${file%/*}"
for path in "$@" /usr/lib/grub/i386-pc $libraries; do echo "${path#/}"; done |
    tar --create --gzip --dereference --directory / --file "$file.replant" --files-from -
tar --list --gzip --file "$file.replant" >/dev/null
sync "$file.replant"
mv "$file.replant" "$file"
