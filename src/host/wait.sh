# Waits for the acts of a step in one direction that an earlier run has left running. Before it stand:
#   N  the nonce of this exchange    M  the migration    S  the step and the direction: `mirror-vg0-root.apply`
# A lock is held for as long as its act runs: runner.sh
for d in "/run/replant/$M" "/dev/shm/replant.$M"; do
	for l in "$d/$S".*.lock; do [ ! -e "$l" ] || flock "$l" true; done
done
printf '%s 0\n%s end\n' "$N" "$N"
printf '%s\n%s end\n' "$N" "$N" >&2
