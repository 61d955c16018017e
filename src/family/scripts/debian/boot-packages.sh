#!/bin/sh
# boot-packages.sh NAME...: a line `package STATE NAME` for each of these that dpkg(1) knows.
dpkg-query -W -f 'package ${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null
