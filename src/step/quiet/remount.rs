use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::mounts::parse_mountinfo;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, answered};

/// A mounted file system made read-only as a whole: flushed and clean on disk, with nobody writing to it, whichever of its
/// mount points they go by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remount {
    /// the mount point that the kernel is told
    pub target: String,
    /// where nothing may hinder it, services being down: the file in memory that names all that could be written to before
    /// the kernel was told to make everything read-only
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_resort: String,
}

/// As the kernel has the file system, not the mount point: the words behind the last `-` of mountinfo, proc(5).
const SEALED: &str = r#"sealed() {
  awk -v t="$1" '{ for (i = 7; $i != "-"; i++); gsub(/\\040/, " ", $5); if ($5 == t) s = "," $(i + 3) "," }
    END { exit s !~ /,ro,/ }' /proc/self/mountinfo
}
"#;

/// What still holds the file system after all that has been ended before: the network's own programs, or one that does not
/// let go. Nothing may hold up the cutover with services down: the kernel then makes all file systems read-only at once, as
/// before an emergency reboot, and what could be written to is kept, to be made so again on the way back. sysrq(8)
const SEAL: &str = r#"target=$1 was=$2
for _ in 1 2 3 4 5; do
  mount -o remount,ro "$target" && exit
  sleep 1
done
if [ ! -e "$was" ]; then
  mkdir -p "${was%/*}"
  awk '{ for (i = 7; $i != "-"; i++); if ($(i + 2) ~ /^\/dev\// && "," $(i + 3) "," !~ /,ro,/ && "," $6 "," !~ /,ro,/) print $5 }' \
    /proc/self/mountinfo >"$was.part" && mv "$was.part" "$was" || exit
fi
sync
echo u >/proc/sysrq-trigger
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  sealed "$target" && exit
  sleep 1
done
echo "$target is still writable, 20 s after the kernel was told to make everything read-only" >&2
exit 1
"#;

/// Makes it writable again, and all that the last resort had sealed with it.
const OPEN: &str = r#"target=$1 was=$2
if [ -e "$was" ]; then
  while IFS= read -r one; do
    mount -o remount,rw "$(printf '%b' "$one")"
  done <"$was"
fi
mount -o remount,rw "$target" && { rm -f "$was"; exit; }
echo "help: an ext4 with deleted files that are still in use stays read-only until old is rebooted: \`systemctl reboot\`" \
  "on old, then roll back again" >&2
exit 1
"#;

/// Seals a file system: `TARGET RECORD`
pub(crate) fn seal() -> String {
    SEALED.to_string() + SEAL
}

/// Takes back [`seal`]: `TARGET RECORD`
pub(crate) fn open() -> &'static str {
    OPEN
}

impl Step for Remount {
    fn title(&self) -> String {
        format!("{} read-only", self.target)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let table = answered(on, side, Query::file("/proc/self/mountinfo"))?;
        let all = parse_mountinfo(table.file().unwrap_or_default());
        // the last line of a mount point is the one on top
        Ok(match all.iter().rfind(|mount| mount.target == self.target) {
            None => Seen::Foreign(format!("{} is not mounted", self.target)),
            Some(mount) if mount.sealed() => Seen::Present,
            Some(_) => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        if self.last_resort.is_empty() {
            return vec![Act::run(["mount", "-o", "remount,ro", &self.target])];
        }
        vec![Act::long(["sh", "-c", &seal(), "sh", &self.target, &self.last_resort])]
    }

    fn undo(&self) -> Undo {
        if self.last_resort.is_empty() {
            return Undo::Acts(vec![Act::run(["mount", "-o", "remount,rw", &self.target])]);
        }
        Undo::Acts(vec![Act::long(["sh", "-c", open(), "sh", &self.target, &self.last_resort])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("mount", &self.target)]
    }
}
