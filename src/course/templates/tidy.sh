#!/bin/sh
# tidy.sh DIRECTORY...: what replant kept on the old system and has travelled along.
set -eu
for dir in "$@"; do
    case "$dir" in
    /var/lib/replant/* | /etc/iscsi/nodes/iqn.2026-11.net.replant:* | /var/lib/iscsi/nodes/iqn.2026-11.net.replant:*) rm -rf "$dir" ;;
    *) echo "not ours: $dir" >&2; exit 1 ;;
    esac
done
rmdir --ignore-fail-on-non-empty /var/lib/replant 2>/dev/null || true
