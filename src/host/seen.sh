# What a server keeps of the run that works on it. Before it stand:
#   N  the nonce of this exchange    M  the migration    W  what is kept: trail.rs
#   P  1: also where it outlives a boot; 0: in memory only; -: forget what outlives a boot

fault() { printf '%s fault %s\n' "$N" "$1"; printf '%s\n' "$N" >&2; exit 0; }

umask 077
B=/run/replant
if ! { [ -d "$B" ] || mkdir -p "$B" 2>/dev/null; } || ! [ -w "$B" ]; then
	B=/dev/shm/replant.$M
	[ -d "$B" ] || mkdir "$B" || fault 'there is no directory in memory to work in: neither /run nor /dev/shm can be written'
	[ -O "$B" ] || fault "$B belongs to somebody else"
fi
put() { printf %s "$W" >"$1/seen.new" && mv -f "$1/seen.new" "$1/seen"; }
put "$B" || fault "$B is full"
K=/var/lib/replant
case $P in
1)
	# A file system stands still while a disk of its mirror is lost, and what is in memory must do then.
	rm -f "$B/kept"
	{ mkdir -p "$K" && put "$K" && sync "$K/seen" "$K"; : >"$B/kept"; } </dev/null >/dev/null 2>&1 &
	i=0
	while [ ! -e "$B/kept" ] && [ "$i" -lt 60 ]; do
		sleep 0.05
		i=$((i + 1))
	done
	rm -f "$B/kept"
	;;
-)
	rm -f "$K/seen" 2>/dev/null
	rmdir "$K" 2>/dev/null
	;;
esac
printf '%s 0\n%s end\n' "$N" "$N"
printf '%s\n%s end\n' "$N" "$N" >&2
