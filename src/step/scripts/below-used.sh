#!/bin/sh
# below-used.sh VOLUME NUMBER SECTORS CHUNK SINCE: of the volume md copies what its file system uses, and not what it calls free.
#   The array lies beneath VOLUME and has given up its leg on new: below.sh track. CHUNK and SINCE as there.
# md sends the chunks that have a bit in its bitmap. Each write sets its own since the array lies there; here all chunks get one
# that are not wholly free. The map is read *after* that: what is free in it and used later was written later.
set -eu
volume=$1 number=$2 sectors=$3 chunk=$4 since=$5
sys=/sys/block/md$number/md old=/dev/mapper/replant-$number-old
bits=${since%/*}/bits-$number why=${since%/*}/why-$number
last=$(((sectors - 1) / (chunk * 2)))

# the bits are set, and md has sent some of them
[ ! -e "$since" ] || exit 0
[ "$(dmsetup table "$volume")" = "0 $sectors linear 9:$number 0" ] ||
    { echo "md$number does not lie beneath $volume: nobody counts what is written" >&2; exit 1; }
[ "$(cat "$sys/degraded")" = 1 ] || { echo "md$number has a leg on new, and would not send what gets a bit now" >&2; exit 1; }
[ "$(cat "$sys/bitmap/chunksize")" = "$((chunk * 1024))" ] ||
    { echo "a bit of md$number does not stand for $chunk KiB" >&2; exit 1; }

# What the file system says of each part of the volume, in bytes: FS_IOC_GETFSMAP, linux/fsmap.h, ioctl_getfsmap(2).
# `at DIRECTORY`, then `free START LENGTH` and `used START LENGTH` in their order, then `end`
fsmap() {
    perl -e '
        use strict;
        use warnings;
        my ($volume) = @ARGV;
        my $is = (stat $volume)[6] // die "there is no $volume\n";
        my ($major, $minor) = (($is >> 8) & 0xfff, ($is & 0xff) | (($is >> 12) & 0xffffff00));
        open my $mounts, "<", "/proc/self/mountinfo" or die "/proc/self/mountinfo: $!\n";
        my $at;
        while (my $line = <$mounts>) {
            my @words = split " ", $line;
            next unless $words[2] eq "$major:$minor" && $line =~ / - (?:ext4|xfs) /;
            (my $target = $words[4]) =~ s/\\([0-7]{3})/chr oct $1/ge;
            # another file system may be mounted over it
            next unless -d $target && sysopen my $directory, $target, 0;
            next unless (stat $directory)[0] == $is;
            $at = $directory;
            print "at $target\n";
            last;
        }
        defined $at or die "no ext4 or xfs is mounted from it\n";
        my $device = ($minor & 0xff) | ($major << 8) | (($minor & 0xfff00) << 12);
        my $from = "\0" x 64;
        my $to = pack "L2 Q3 x32", 0xffffffff, 0xffffffff, ~0, ~0, ~0;
        my $done = 0;
        until ($done) {
            my $map = pack("L4 x48", 0, 0, 4096, 0) . $from . $to . "\0" x (64 * 4096);
            ioctl $at, 0xc0c0583b, $map or die "its file system has no map: $!\n";
            my $entries = unpack "x12 L", $map;
            $entries or die "the map of its file system has no end\n";
            for my $entry (0 .. $entries - 1) {
                $from = substr $map, 192 + 64 * $entry, 64;
                my ($on, $flags, $start, $owner, undef, $length) = unpack "L2 Q4", $from;
                $done = $flags & 0x20;
                # a journal may be on another device
                next unless $on == $device;
                # FMR_OWN_FREE, and not the file with the number 1
                print $flags & 0x10 && $owner == 1 ? "free" : "used", " $start $length\n";
            }
        }
        print "end\n";
    ' "/dev/mapper/$volume"
}

# The chunks that are not wholly free, as bitmap_set_bits takes them. Free is only what is called so and by nobody used, and at
# both ends a block less. Not the first chunk nor the last: what the file system does not speak of, and what is behind it, is used
chunks() {
    awk -v size="$((chunk * 1024))" -v last="$last" '
        function bits(from, to) {
            if (from > to) return
            line = line " " from "-" to
            if (length(line) > 800) { print substr(line, 2); line = "" }
        }
        function skip(   first, end) {
            first = int((from + 65536 + size - 1) / size)
            end = int((to - 65536) / size) - 1
            if (end >= last) end = last - 1
            if (first > end) return
            bits(next_chunk, first - 1)
            next_chunk = end + 1
        }
        BEGIN { next_chunk = 0; from = to = seen = at = 0 }
        $1 == "at" { print }
        $1 == "end" { whole = 1 }
        $1 != "free" && $1 != "used" { next }
        $2 + 0 < at { disorder = 1 }
        { at = $2 + 0 }
        at < to { to = at }
        $1 == "free" { skip(); from = at > seen ? at : seen; to = at + $3 }
        $1 == "used" && at + $3 > seen { seen = at + $3 }
        END {
            if (disorder) print "the map of its file system is not in order" >"/dev/stderr"
            if (!whole || disorder) exit 1
            skip()
            bits(next_chunk, last)
            if (line != "") print substr(line, 2)
        }'
}

# What is free in the map stays free: a file that was removed right before it was read does not come back with the journal
durable() {
    at=$(sed -n 's/^at //p' "$1")
    sed '/^at /d' "$1" >"$1.clean"
    mv "$1.clean" "$1"
    sync -f "$at"
}

if ! { fsmap 2>"$why" | chunks >"$bits" 2>>"$why" && durable "$bits"; }; then
    echo "replant: all of $volume is copied: $(tail -n 1 "$why")" | tee /dev/kmsg >&2
    echo "0-$last" >"$bits"
fi

# While it is frozen the array does not take the new bits for a reason to look for a leg to read from
echo frozen >"$sys/sync_action"
trap 'echo idle >"$sys/sync_action"' EXIT
while read -r some; do
    echo "$some" | tee "$sys/bitmap_set_bits" >/dev/null
done <"$bits"
# As it was made: with nothing to repair between the legs that are there. Otherwise md comes to this by itself, later
echo none >"$sys/resync_start" || true

# The kernel takes what it does not understand without a word
wanted=$(tr ' ' '\n' <"$bits" | awk -F- '{ all += $2 - $1 + 1 } END { print all + 0 }')
set_=$(mdadm --examine-bitmap "$old" | awk '$1 == "Bitmap" { print $6 + 0 }')
[ "${set_:-0}" -ge "$wanted" ] || { echo "md$number has ${set_:-no} bits of $wanted" >&2; exit 1; }
echo "replant: $volume: $wanted chunks of $((last + 1)) are copied" >/dev/kmsg
rm -f "$why"
# what was copied is known by it: hash.sh
mv -f "$bits" "$since.bits"
cat /proc/uptime >"$since"
