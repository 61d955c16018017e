#!/bin/sh
# initiator.sh: a line `Inst NAME (VERSION ...)` for each package that is missing for the iSCSI initiator, as apt-get(8)
# simulates it: that takes no locks and changes no package.
! command -v iscsiadm >/dev/null || exit 0
apt-get -s -q --no-install-recommends install open-iscsi 2>/dev/null && exit 0
# Where the package lists are empty or old they are fetched into a directory of our own under /run, which is removed again:
# the server's own lists stay as they are.
dir=$(mktemp -d /run/replant-apt.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
set -- -q -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root
apt-get "$@" update >/dev/null && apt-get "$@" -s --no-install-recommends install open-iscsi
