#!/bin/sh
# boot-proof.sh ARRAY HASHFILE: the array holds what old had, byte for byte, by the hash that travelled with the volumes.
set -eu
read -r hash size <"$2"
found=$(dd if="$1" bs=1M iflag=count_bytes count="$size" 2>/dev/null | sha256sum)
[ "${found%% *}" = "$hash" ] || { echo "$1 holds ${found%% *}, old had $hash" >&2; exit 1; }
