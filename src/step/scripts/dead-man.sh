# The runner that starts services of old again if nobody is heard of for so many seconds while they are down: `DIR SECONDS`;
# at once: `DIR now`, which an act of ours runs in its place.
# In DIR, in memory:
#   armed   it may fire           cut    it may not any more: there is no way forward but to cut
#   heard   changes with each question and act     lock   shared while an act runs
#   mounts, swaps   as they were before anything was stopped
#   back.sh   what takes the silence back    fired   it has: the run that it came back from
# It writes nowhere else until file systems can be written to. What it runs is read from file systems that are read-only.
# Time is what this loop has slept: a clock that jumps, or a machine that stood still, makes nobody late.
dir=$1 after=$2 last='' quiet=0
exec 8>>"$dir/lock" || exit
heard() {
	now=
	{ read -r now <"$dir/heard"; } 2>/dev/null
	[ "$now" = "$last" ] || { last=$now quiet=0; }
}
late() {
	heard
	[ "$quiet" -ge "$after" ]
}

while [ "$after" != now ] && [ -e "$dir/armed" ]; do
	# an act that runs holds the lock, so whoever has it alone is alone; what was heard meanwhile still counts
	if late; then
		if flock -n -x 8; then
			if late && [ -e "$dir/armed" ]; then break; fi
			flock -u 8
		else
			quiet=0
		fi
	fi
	sleep 1 8>&-
	quiet=$((quiet + 1))
done
from=armed
# held already, and whoever would have cut has found that it must not
if [ "$after" = now ] && [ -e "$dir/cut" ]; then from='cut'; fi
[ -e "$dir/$from" ] || exit 0

run=
{ read -r run <"${dir%/*/*}/seen"; } 2>/dev/null
# whoever holds the runner renames the same file: one of the two is first
printf '%s\n' "$run" >"$dir/fired.part" && mv -f "$dir/$from" "$dir/was" 2>/dev/null || exit 0
mv -f "$dir/fired.part" "$dir/fired" || exit
say() { echo "replant: $1" >/dev/kmsg; } 2>/dev/null
case $after in
now) say 'services come back' ;;
*) say "nobody was heard of for $after s: services come back" ;;
esac

# Each runs whatever became of those before it.
always() {
	"$@" </dev/null >>"$dir/log" 2>&1 8>&- || say "some of it failed: $dir/log"
}
# could be written to before: a mount point
writable() {
	if awk -v t="$1" '{ for (i = 7; $i != "-"; i++); gsub(/\\040/, " ", $5); if ($5 == t) s = "," $(i + 3) "," }
		END { exit s !~ /,rw,/ }' "$dir/mounts"; then
		shift
		always "$@"
	fi
}
# was in use before: a swap
swapped() {
	if awk -v a="$1" -v b="$(readlink -f "$1")" '$1 == a || $1 == b { f = 1 } END { exit !f }' "$dir/swaps"; then
		shift
		always "$@"
	fi
}
# shellcheck source=/dev/null
. "$dir/back.sh"
say 'services have come back'
