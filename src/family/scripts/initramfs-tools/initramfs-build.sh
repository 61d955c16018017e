#!/bin/sh
# initramfs-build.sh KERNEL KEEP MUST...: builds /boot/initrd.img-KERNEL anew. The one before is kept in KEEP.
# Nothing in /boot changes before the new image is complete and holds all that it MUST.
set -eu
kernel=$1 keep=$2
shift 2
image=/boot/initrd.img-$kernel
mkdir -p "$keep"
if [ ! -e "$keep/initrd-$kernel.before" ]; then
    cp -p "$image" "$keep/initrd-$kernel.part"
    sync "$keep/initrd-$kernel.part"
    mv "$keep/initrd-$kernel.part" "$keep/initrd-$kernel.before"
fi
made=$keep/initrd-$kernel.made
mkinitramfs -o "$made" "$kernel"
# the kernel takes `-` and `_` in the name of a module for the same, and the names of their files use either
list=$(lsinitramfs "$made" | tr - _)
builtin=$(tr - _ <"/lib/modules/$kernel/modules.builtin")
for must in $(echo "$*" | tr - _); do
    # built into the kernel is as good as in the image
    case "$list $builtin" in
    *"$must"*) ;;
    *) echo "the new initramfs lacks $must" >&2; exit 1 ;;
    esac
done
room=$(df -B1 --output=avail /boot | tail -n 1)
need=$(stat -c %s "$made")
[ "$room" -gt "$need" ] || { echo "/boot has $room bytes free, the new initramfs needs $need" >&2; exit 1; }
cp "$made" "$image.replant"
sync "$image.replant"
sha256sum <"$image.replant" >"$keep/initrd-$kernel.sha256"
sync "$keep/initrd-$kernel.sha256"
mv "$image.replant" "$image"
sync /boot
rm -f "$made"
