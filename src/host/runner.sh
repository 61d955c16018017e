# What runs an act on a server, so that a lost link neither disturbs it nor starts it twice. Before it stand:
#   N     the nonce of this exchange        M     the migration
#   J     the job, and a hash of its act    MODE  `short`, `long`, or `attach` (go on following what `long` began)
#   work  the act                           feed  prints what goes to its standard input
#   keep  prints the script of a long act    S    the step and the other direction: what of it runs ends first
#   T     the run whose act this is, L: its line of the journal; nothing where no journal is kept
#
# The act's output goes to a file: writing to a dead link would kill it half-way. A lock, held for as long as it runs,
# says that it does: whoever comes with the same act again waits for the lock and takes the result of the first.
# All of it is in memory (/run), so nothing of it outlives a boot. A fork costs, so there are few.

fault() { printf '%s fault %s\n' "$N" "$1"; printf '%s\n' "$N" >&2; exit 0; }

umask 077
B=/run/replant
D=$B/$M
if ! { [ -d "$D" ] || mkdir -p "$D" 2>/dev/null; } || ! [ -w "$D" ]; then
	D=/dev/shm/replant.$M
	[ -d "$D" ] || mkdir "$D" || fault 'there is no directory in memory to work in: neither /run nor /dev/shm can be written'
	[ -O "$D" ] || fault "$D belongs to somebody else"
	B=$D
fi

# Whoever is not known here says first who they are, and is compared with who was here before: seen.sh
if [ -n "$T" ]; then
	t=
	{ read -r t <"$B/seen"; } 2>/dev/null
	[ "$t" = "$T" ] || fault stranger
	printf '%s %s\n' "$T" "$L" >>"$B/seen"
	# the system that new is about to boot takes it along
	for r in "$B"/*/root/var/lib/replant; do [ ! -d "$r" ] || cp "$B/seen" "$r/seen" 2>/dev/null; done
fi
J=$D/$J
command -v flock >/dev/null || fault 'there is no flock: install util-linux'

# While services are down a runner in memory starts them again if nobody is heard of for too long: dead-man.sh. An act that
# runs is heard of, and while services come back nothing else is done. A run that they have come back from does nothing
# more: what it knows is of another time.
G=$D/dead-man
if [ -d "$G" ]; then
	exec 8>>"$G/lock"
	flock -w 60 -s 8 || fault 'services are coming back by themselves at this moment: wait until they run, and type the same again'
	printf '%s\n' "$N" >"$G/heard"
	r=
	{ read -r r <"$G/fired"; } 2>/dev/null
	[ -z "$T" ] || [ "$r" != "$T" ] || fault fired
fi
exec 9>>"$J.lock"
c=

# What is still under way of a step ends before the other direction begins: it would finish behind our back.
if [ -n "$S" ]; then
	for l in "$D/$S".*.lock; do [ ! -e "$l" ] || flock "$l" true; done
fi

if [ "$MODE" = short ]; then
	if ! flock -n 9; then
		flock 9
		read -r c <"$J.rc"
	fi
	if [ -z "$c" ]; then
		printf '%s\n' "$N" >"$D/last"
		: >"$J.rc"
		if [ -n "$FEED" ]; then
			feed 8>&- 9>&- | ( work ) >"$J.out" 2>&1 8>&- 9>&-
		else
			( work ) </dev/null >"$J.out" 2>&1 8>&- 9>&-
		fi
		c=$?
		printf '%s\n' "$c" >"$J.rc"
	fi
	exec 9>&-
else
	if flock -n 9; then
		# It does not run. Its result counts only if nobody had it yet and nothing else was done here since:
		# after an undo, for one, the same act must be done again.
		[ -s "$J.rc" ] && read -r c since <"$J.rc" && read -r last <"$D/last"
		if [ "$MODE" = attach ]; then
			[ -n "$c" ] || fault gone
		elif [ -z "$c" ] || [ "$since" != "$last" ]; then
			c=
			printf '%s\n' "$N" >"$D/last"
			: >"$J.rc"
			: >"$J.out"
			feed >"$J.in" && keep >"$J.sh" || fault "$D is full"
			setsid /bin/sh "$J.sh" "$J" "$D" </dev/null >/dev/null 2>&1 &
			printf '%s\n' "$!" >"$J.pid"
		fi
	fi
	# the lock is the work's now; having it again means that the work has ended
	exec 9>&-
	if [ -z "$c" ]; then
		exec 9<"$J.lock"
		flock -s 9
		exec 9<&-
		read -r c since <"$J.rc" || c=137
	fi
fi

[ "$c" = 0 ] || tail -c 262144 "$J.out"
printf '%s %s\n%s end\n' "$N" "$c" "$N"
printf '%s\n%s end\n' "$N" "$N" >&2

# Only when the other end has said that it has the result is it no longer kept.
if [ "$MODE" != short ]; then
	read -r a && [ "$a" = "$N" ] && : >"$J.rc"
fi
