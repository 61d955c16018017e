#!/bin/sh
# finish-boot.sh: the boot files of the migrated system as its own tools make them, now that nothing waits for it.
set -eu
update-initramfs -u -k all
update-grub
sync
