#!/bin/sh
# initramfs-state.sh KERNEL KEEP: prints `clean`, `begun`, `ours` or `other`: the image is as it was before us, the one before
# is kept and ours is not in place, it is the one we built, or another one.
if [ ! -e "$2/initrd-$1.sha256" ]; then
    if [ -e "$2/initrd-$1.before" ]; then echo begun; else echo clean; fi
elif [ "$(sha256sum <"/boot/initrd.img-$1")" = "$(cat "$2/initrd-$1.sha256")" ]; then echo ours; else echo other; fi
