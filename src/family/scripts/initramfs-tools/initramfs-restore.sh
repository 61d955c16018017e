#!/bin/sh
# initramfs-restore.sh KERNEL KEEP: puts the initramfs back that was there before.
set -eu
kernel=$1 keep=$2
image=/boot/initrd.img-$kernel
if [ -e "$keep/initrd-$kernel.before" ]; then
    cp -p "$keep/initrd-$kernel.before" "$image.replant"
    sync "$image.replant"
    mv "$image.replant" "$image"
    sync /boot
fi
rm -f "$keep/initrd-$kernel.sha256"
rm -f "$keep/initrd-$kernel.made" "$keep/initrd-$kernel.part" "$keep/initrd-$kernel.before"
rmdir --ignore-fail-on-non-empty "$keep" 2>/dev/null || true
