# What keeps file systems of disks busy, and block devices open.

# The mount points of each mount namespace once, as mountinfo has them: of disks, and of what stands on several.
disks=' - (btrfs|overlay|fuseblk|zfs) | - [^ ]+ /dev/|^[0-9]+ [0-9]+ [1-9][0-9]*:'
mounts() {
  own=$(readlink /proc/self/ns/mnt)
  echo "namespace own"
  grep -asE "$disks" /proc/self/mountinfo
  find /proc/[0-9]*/ns/mnt -maxdepth 0 -lname 'mnt:*' -printf '%l %p\n' 2>/dev/null | sort | {
    seen=
    while read -r space path; do
      [ "$space" != "$seen" ] && [ "$space" != "$own" ] || continue
      path=${path%/ns/mnt}
      echo "namespace $path"
      grep -asE "$disks" "$path/mountinfo"
      [ $? -ge 2 ] || seen=$space
    done
  }
}

# Kind, process, device number or node, name of the process, its control group, path; separated by tabs. `writes`: a file is
# open for writing; `deleted`: a file or directory that has no name any more is in use; `raw`, `raw-write`: a block device is
# open. proc(5); nothing but /proc is touched, so that no dead file server is waited for.
holders() {
  {
    mounts
    timeout 20 find /proc/[0-9]*/fd -maxdepth 1 \( -lname '/dev/dm-*' -o -lname '/dev/mapper/*' -o -lname '*(deleted)' \) \
      -printf 'open %p %m %l\n' 2>/dev/null
    [ $? -lt 124 ] || echo cut
    timeout 20 find /proc/[0-9]*/cwd -maxdepth 0 -lname '*(deleted)' -printf 'in %p %l\n' 2>/dev/null
    [ $? -lt 124 ] || echo cut
    timeout 20 grep -rsaE '^(flags|mnt_id):' /proc/[0-9]*/fdinfo
    [ $? -lt 124 ] || echo cut
    timeout 20 grep -saE '\(deleted\)$' /proc/[0-9]*/maps
    [ $? -lt 124 ] || echo cut
  } | awk '
function who(pid,   line, name, group) {
  name = "?"; group = "-"
  getline name < ("/proc/" pid "/comm")
  close("/proc/" pid "/comm")
  gsub(/\t/, " ", name)
  while ((getline line < ("/proc/" pid "/cgroup")) > 0)
    if (line ~ /^(0::|1:name=systemd:)\/./) group = substr(line, index(line, "/"))
  close("/proc/" pid "/cgroup")
  return name "\t" group
}
function tell(kind, pid, where, path) {
  if (!told[kind, pid, where]++) print kind "\t" pid "\t" where "\t" who(pid) "\t" path
}
function decimal(hex,   at, sum) {
  for (at = 1; at <= length(hex); at++) sum = sum * 16 + index("0123456789abcdef", substr(hex, at, 1)) - 1
  return sum + 0
}
function after(count,   text, at) {
  text = $0
  for (at = 0; at < count; at++) sub(/^[^ ]+ +/, "", text)
  return text
}
$0 == "cut" { print "cut"; next }
/^namespace / { print; next }
/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ / { print; of[$1] = $3; disk[$3] = 1; next }
/^open / {
  split($2, part, "/")
  link = after(3)
  if (link ~ /\(deleted\)$/) gone[part[3] "/" part[5]] = link
  else tell(int(substr($3, 1, 1) / 2) % 2 ? "raw-write" : "raw", part[3], link, link)
  next
}
/^in / { split($2, part, "/"); tell("deleted", part[3], "path", after(2)); next }
/^\/proc\/[0-9]+\/fdinfo\// {
  split($0, part, /[\/:\t ]+/)
  if (part[6] == "flags") mode = substr(part[7], length(part[7])) % 4
  else if (part[7] in of) {
    where = of[part[7]]
    if ((part[3] "/" part[5]) in gone) tell("deleted", part[3], where, gone[part[3] "/" part[5]])
    if (mode == 1 || mode == 2) tell("writes", part[3], where, "-")
  }
  next
}
/^\/proc\/[0-9]+\/maps:/ {
  split($1, part, "/")
  split($4, number, ":")
  where = decimal(number[1]) ":" decimal(number[2])
  if (where in disk) tell("deleted", part[3], where, after(5))
}'
}
