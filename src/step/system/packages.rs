use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::FILE;
use crate::family::Family;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo, answered};

/// Packages in exactly these versions, installed without touching the initramfs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// (name, version), as the package manager said
    pub packages: Vec<(String, String)>,
    /// where the script goes on the server
    pub dir: String,
    /// whose package manager it is
    #[serde(default, skip_serializing_if = "Family::is_first")]
    pub family: Family,
}

/// `way` is `install` or `purge`.
pub(super) fn acts(family: Family, dir: &str, way: &str, packages: impl IntoIterator<Item = String>) -> Vec<Act> {
    let path = format!("{dir}/packages.sh");
    let mut argv = vec!["sh".to_string(), path.clone(), way.into()];
    argv.extend(packages);
    vec![Act::put(path, family.scripts().packages, 0o700), Act::long(argv)]
}

/// What the initiator's package brings and takes away: open-iscsi(8)
const INITIATOR: [&str; 2] = ["/etc/iscsi/initiatorname.iscsi", "/etc/iscsi/iscsid.conf"];

impl Step for Packages {
    fn title(&self) -> String {
        let all: Vec<String> = self.packages.iter().map(|(name, version)| format!("{name} {version}")).collect();
        format!("install {}", all.join(", "))
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = installed(self.family, on, side)?;
        let mut good = 0;
        let mut touched = 0;
        for (name, version) in &self.packages {
            match all.get(name) {
                Some((found, status)) if status == "ii" && found == version => good += 1,
                Some((found, status)) if status == "ii" => {
                    return Ok(Seen::Foreign(format!("{name} is installed in version {found}, not {version}")));
                }
                Some(_) => touched += 1,
                _ => {}
            }
        }
        Ok(match (good, touched) {
            (0, 0) => Seen::Absent,
            (good, _) if good == self.packages.len() => Seen::Present,
            _ => Seen::Partial(format!("{good} of {} packages are installed", self.packages.len())),
        })
    }

    fn apply(&self) -> Vec<Act> {
        acts(
            self.family,
            &self.dir,
            "install",
            self.packages.iter().map(|(name, version)| format!("{name}={version}")),
        )
    }

    fn undo(&self) -> Undo {
        Undo::Acts(acts(self.family, &self.dir, "purge", self.packages.iter().map(|(name, _)| name.clone())))
    }

    fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(120)
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        INITIATOR.map(|path| Touched::one(FILE, path).or_gone()).into()
    }
}

/// Packages that are installed or half so: version and state (`ii` is whole), by name.
pub(super) fn installed(
    family: Family,
    on: &dyn Look,
    side: Side,
) -> Result<BTreeMap<String, (String, String)>, HostError> {
    let all = answered(on, side, Query::run(family.installer.list.iter().copied()))?;
    let one = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // without a version: known and not installed
            [name, version, state] => Some((name.to_string(), (version.to_string(), state.to_string()))),
            _ => None,
        }
    };
    Ok(all.stdout.lines().filter_map(one).collect())
}
