# Ends what keeps file systems from becoming read-only, three times at most, and in bounded time. Units are stopped and
# written down, or started again where they are needed; what belongs to no unit gets SIGTERM, and SIGKILL after 10 s. Never
# ended: the units to be spared, and whatever the very login belongs to by which this script came. What is left then is left
# to the kernel, when the file systems are made read-only.
record=$1 spare=$2 restart=$3; shift 3
mkdir -p "${record%/*}" && touch "$record.part" || exit

ours=$(sed -n 's/^\(0::\|1:name=systemd:\)//p' /proc/self/cgroup | sort | tail -n 1)
numbers=$(for target do
  awk -v t="$target" '$5 == t { n = $3 } END { if (n) print n }' /proc/self/mountinfo
done)

# begins NAME LIST: one of the list is the beginning of the name
begins() {
  for one in $2; do case $1 in "$one"*) return 0 ;; esac; done
  return 1
}

# unit GROUP: the outermost unit of a control group
unit() {
  rest=${1#/}
  while [ -n "$rest" ]; do
    part=${rest%%/*}
    case $part in *.service|*.scope) echo "$part"; return ;; esac
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
  done
}

tab=$(printf '\t')
mine=$(unit "$ours")
reloaded='' told=''
for _ in 1 2 3; do
  held=$(holders | awk -F '\t' -v numbers="$numbers" '
    BEGIN { n = split(numbers, list, /[ \n]+/); for (i = 1; i <= n; i++) is[list[i]] = 1 }
    ($1 == "writes" || $1 == "deleted") && $3 in is { print $2 "\t" $5 }' | sort -u)
  [ -n "$held" ] || break
  pids=
  while IFS=$tab read -r pid group; do
    unit=$(unit "$group")
    case $pid in
      1) [ "$reloaded" ] || timeout 60 systemctl daemon-reexec </dev/null; reloaded=1; continue ;;
      "$$"|"$PPID") continue ;;
    esac
    [ -z "$unit" ] || [ "$unit" != "$mine" ] || continue
    case " $told " in *" ${unit:-none} "*) continue ;; esac
    case $unit in
      init.scope) ;;
      ssh.service|sshd.service) told="$told $unit"; timeout 60 systemctl reload "$unit" </dev/null ;;
      *.service)
        told="$told $unit"
        if begins "$unit" "$restart"; then
          timeout 60 systemctl restart "$unit" </dev/null
        elif ! begins "$unit" "$spare"; then
          grep -qxF -e "$unit" "$record.part" || echo "$unit" >>"$record.part"
          timeout 90 systemctl stop "$unit" </dev/null
        fi ;;
      *) pids="$pids $pid" ;;
    esac
  done <<END
$held
END
  [ -n "$pids" ] || continue
  kill $pids 2>/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for pid in $pids; do ! kill -0 "$pid" 2>/dev/null || left="$left $pid"; done
    pids=$left
    [ -n "$pids" ] || break
    sleep 1
  done
  [ -z "$pids" ] || kill -9 $pids 2>/dev/null
done
mv "$record.part" "$record"
