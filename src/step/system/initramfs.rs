use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::family::Builder;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, answered};

/// An initramfs built again from the configuration that stands now, with the one before kept beside.
///
/// Built on old while it serves, it holds the drivers and arrays of both servers: old boots with it in the middle of a
/// copy, and new boots with it after the cutover, so nothing has to be built while services are down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Initramfs {
    /// the version of the kernel that it is for, as uname(1) `-r` prints it
    pub kernel: String,
    /// where the one before and the hash of the new one are kept; survives a reboot
    pub keep: String,
    /// where the scripts go
    pub dir: String,
    /// paths that must be in it, as its builder lists them, by their ends (`/virtio_scsi.ko`, also compressed)
    pub must_have: Vec<String>,
    /// what builds it
    #[serde(default, skip_serializing_if = "Builder::is_first")]
    pub builder: Builder,
}

impl Step for Initramfs {
    fn title(&self) -> String {
        format!("initramfs of {} for both servers", self.kernel)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let query = Query::run(["sh", "-c", self.builder.scripts().state, "sh", &self.kernel, &self.keep]);
        let state = answered(on, side, query)?;
        Ok(match state.stdout.trim() {
            "clean" => Seen::Absent,
            "ours" => Seen::Present,
            "begun" => Seen::Partial("the one before is kept, the new one is not in place".into()),
            // a package or a person rebuilt it; our configuration is still there, so ours is due again
            _ => Seen::Partial("it was rebuilt by something else".into()),
        })
    }

    fn apply(&self) -> Vec<Act> {
        let path = format!("{}/initramfs-build.sh", self.dir);
        let mut argv = vec!["sh".to_string(), path.clone(), self.kernel.clone(), self.keep.clone()];
        argv.extend(self.must_have.iter().cloned());
        vec![Act::put(path, self.builder.scripts().build, 0o700), Act::long(argv)]
    }

    fn undo(&self) -> Undo {
        let path = format!("{}/initramfs-restore.sh", self.dir);
        Undo::Acts(vec![
            Act::put(&path, self.builder.scripts().restore, 0o700),
            Act::run(["sh", &path, &self.kernel, &self.keep]),
        ])
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("kernel with an initramfs", &self.kernel)]
    }
}
