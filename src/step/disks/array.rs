use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo, md_uuid, signature_list};
use crate::units::Bytes;

/// An md array, created on empty partitions. Whether it runs is another step (`assembled`): this one is about
/// what is written on the members, and creating is never done twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// `/dev/md0`
    pub device: String,
    /// md's form: four groups of eight hexadecimal digits
    pub uuid: String,
    /// the name after the host's, `0` in `cs940:0`
    pub name: String,
    /// the hostname of the system that the array will belong to
    pub homehost: String,
    /// `raid1`, `raid10`, …
    pub level: String,
    /// version of its superblock: `1.2`, md(4)
    pub metadata: String,
    /// an internal write-intent bitmap: md(4)
    pub bitmap: bool,
    /// its halves are taken to be alike: all that will be read of it is written first. mdadm(8), `--assume-clean`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assume_clean: bool,
    /// `/dev/disk/by-partuuid/…`
    pub members: Vec<String>,
    /// bytes of each member
    #[schemars(with = "u64")]
    pub member_size: Bytes,
}

/// Creates it, and removes what an earlier array of the same members has left inside: a label that comes back with the
/// array would be taken for one of now. Where its halves are not made alike, one of them could show a label that the other
/// does not: both ends are written.
pub(crate) const CREATE: &str = r#"d=$1; shift
mdadm --create "$d" "$@" && udevadm settle || exit
case " $* " in
*" --assume-clean "*)
    n=$(blockdev --getsz "$d") || exit
    m=32768
    [ "$n" -gt "$m" ] || m=$n
    for at in 0 $((n - m)); do
        dd if=/dev/zero of="$d" bs=512 count="$m" seek="$at" conv=notrunc,fsync 2>/dev/null || exit
    done ;;
esac
wipefs --all --quiet "$d""#;

/// Takes it apart, with what stands inside: superblocks that are gone do not erase a label, and the next array of the same
/// members would show it again. So it must run once more where it does not.
pub(crate) const ERASE: &str = r#"id=$1 d=$2 uuid=$3; shift 3
[ -e "$id" ] || mdadm --assemble --run "$d" --uuid="$uuid" "$@" 2>/dev/null || mdadm --stop "$d" 2>/dev/null
udevadm settle
[ ! -e "$id" ] || { wipefs --all --quiet "$id" && mdadm --stop "$id"; }"#;

impl Array {
    /// The link that names it wherever it was assembled.
    pub(crate) fn by_id(&self) -> String {
        format!("/dev/disk/by-id/md-uuid-{}", self.uuid)
    }
}

impl Step for Array {
    fn title(&self) -> String {
        let name = self.device.trim_start_matches("/dev/");
        let gib = self.member_size.gib();
        format!("array {name}  {} over {} × {gib:.1} GiB", self.level, self.members.len())
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let mut queries: Vec<Query> =
            self.members.iter().map(|member| Query::run(["wipefs", "--json", member])).collect();
        queries.extend(self.members.iter().map(|member| Query::run(["mdadm", "--examine", "--export", member])));
        let answers = on.look(side, &queries)?;
        let (signed, examined) = answers.split_at(self.members.len());
        let (mut ours, mut blank) = (0, 0);
        for ((member, signed), examined) in self.members.iter().zip(signed).zip(examined) {
            if !signed.success() {
                return Ok(Seen::Foreign(format!("{member}: {}", signed.stderr.trim())));
            }
            if md_uuid(&examined.stdout) == Some(self.uuid.as_str()) {
                ours += 1;
            } else if signature_list(&signed.stdout).is_empty() {
                blank += 1;
            } else {
                return Ok(Seen::Foreign(format!("{member} already belongs to something else")));
            }
        }
        Ok(match (ours, blank) {
            (0, _) => Seen::Absent,
            (_, 0) => Seen::Present,
            // Creating again would throw away what the array may hold by now.
            _ => Seen::Remains(format!("only {ours} of {} members carry array {}", self.members.len(), self.uuid)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        let mut argv = vec![
            "sh".to_string(),
            "-c".into(),
            CREATE.into(),
            "sh".into(),
            self.device.clone(),
            "--run".into(),
            format!("--level={}", self.level),
            format!("--raid-devices={}", self.members.len()),
            format!("--metadata={}", self.metadata),
            format!("--uuid={}", self.uuid),
            format!("--name={}", self.name),
            format!("--homehost={}", self.homehost),
        ];
        if self.bitmap {
            argv.push("--bitmap=internal".into());
        }
        if self.assume_clean {
            argv.push("--assume-clean".into());
        }
        argv.extend(self.members.iter().cloned());
        vec![Act::run(argv), Act::run(["udevadm", "settle"])]
    }

    fn undo(&self) -> Undo {
        let by_id = self.by_id();
        let mut erase = vec!["sh", "-c", ERASE, "sh", &by_id, &self.device, &self.uuid];
        erase.extend(self.members.iter().map(String::as_str));
        let mut acts = vec![Act::run(erase)];
        for member in &self.members {
            // wipefs, not `mdadm --zero-superblock`, which fails on a member that has none any more
            acts.push(Act::run(["wipefs", "--all", "--quiet", member]));
        }
        acts.push(Act::run(["udevadm", "settle"]));
        Undo::Acts(acts)
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::any("array"), Touched::any("device")]
    }
}
