use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::family::Builder;
use crate::host::{Act, HostError, Look, Query, Side, Text, sha256};
use crate::step::{Mark, Seen, Step, Undo, answered};

/// An initramfs for new in which it waits: built on old by old's own tools, into a file of its own. Nothing that old boots
/// with is changed by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldImage {
    /// the version of the kernel that it is for, as uname(1) `-r` prints it
    pub kernel: String,
    /// the file that is built; in memory, so that a boot forgets it
    pub file: String,
    /// where the scripts and the files below go
    pub from: String,
    /// a directory on a disk, in which it is built
    pub work: String,
    /// what the hold is made of, by the names that its builder knows
    pub files: BTreeMap<String, Text>,
    /// paths that must be in it, as its builder lists them, by their ends
    pub must_have: Vec<String>,
    /// what builds it
    #[serde(default, skip_serializing_if = "Builder::is_first")]
    pub builder: Builder,
}

/// Where the key goes by which the hold is known, and those that it lets in.
const HOST_KEY: &str = "host_key";
const KEYS: &str = "authorized_keys";

impl HoldImage {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.from)
    }

    fn stamp(&self) -> String {
        format!("{}.made", self.file)
    }

    /// Over all that goes into it, with the places of secrets and not with what stands there.
    fn digest(&self) -> String {
        let files = self.files.iter().flat_map(|(name, text)| [name.as_str(), &text.0]);
        let all: Vec<&str> = files
            .chain([self.kernel.as_str(), self.builder.scripts().hold.build])
            .chain(self.must_have.iter().map(String::as_str))
            .collect();
        sha256(all.join("\0"))
    }
}

impl Step for HoldImage {
    fn title(&self) -> String {
        format!("initramfs of {} in which new waits", self.kernel)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let stamp = answered(on, side, Query::file(&self.stamp()))?;
        let made = stamp.file().is_some_and(|found| found.trim() == self.digest());
        Ok(if made { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let script = self.path("hold-build.sh");
        let mut acts = vec![Act::put(&script, self.builder.scripts().hold.build, 0o700)];
        for (name, text) in &self.files {
            acts.push(Act::Put { path: self.path(name), text: text.clone(), mode: Some(0o600) });
        }
        let (host_key, keys) = (self.path(HOST_KEY), self.path(KEYS));
        let argv = ["sh", &script, &self.kernel, &self.from, &self.work, &self.file, &host_key, &keys];
        acts.push(Act::long(argv.into_iter().chain(self.must_have.iter().map(String::as_str))));
        acts.push(Act::Remove { path: host_key });
        acts.push(Act::put(self.stamp(), self.digest() + "\n", 0o600));
        acts
    }

    fn undo(&self) -> Undo {
        let files = self.files.keys().map(|name| self.path(name));
        let all = [self.stamp(), self.file.clone(), format!("{}.replant", self.file)].into_iter().chain(files);
        let mut acts: Vec<Act> = all.map(|path| Act::Remove { path }).collect();
        // a run that was killed leaves it behind, with the hold's private key
        acts.push(Act::run(["rm", "-rf", &self.work]));
        Undo::Acts(acts)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}
