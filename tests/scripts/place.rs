//! A root directory in which scripts run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use replant::course;
use replant::facts;
use replant::host::{Act, HostError, Look, Output, Query, Side};
use replant::plan;
use replant::runbook::Node;
use replant::sim::{Shape, Sim};
use replant::step::{Seen, StepKind, Undo};

/// What changes something: each only says that it was called, unless a test makes it say or do more.
const STUBS: &[&str] = &[
    "apt-get",
    "blockdev",
    "chroot",
    "dpkg",
    "e2fsck",
    "grub-install",
    "lsinitramfs",
    "lvchange",
    "lvconvert",
    "lvm",
    "lvs",
    "mdadm",
    "mkinitramfs",
    "modprobe",
    "mount",
    "mountpoint",
    "pidof",
    "pvcreate",
    "pvs",
    "reboot",
    "shutdown",
    "sync",
    "systemctl",
    "systemd-run",
    "udevadm",
    "umount",
    "unshare",
    "update-grub",
    "update-initramfs",
    "vgck",
    "vgextend",
    "vgreduce",
    "vgremove",
    "vgs",
    "wipefs",
    "xfs_repair",
];

/// Makes the root directory whole and runs what follows in it. `/usr` is this machine's, read-only.
const ENTER: &str = r#"set -e
r=$1; shift
for d in bin sbin lib lib64; do
    if [ -L "/$d" ]; then ln -sfn "$(readlink "/$d")" "$r/$d"; elif [ -d "/$d" ]; then mkdir -p "$r/$d"; mount --bind "/$d" "$r/$d"; fi
done
mkdir -p "$r/usr" "$r/dev" "$r/tmp"
mount --bind /usr "$r/usr"
mount -o remount,bind,ro "$r/usr"
[ -e "$r/dev/null" ] || : >"$r/dev/null"
mount --bind /dev/null "$r/dev/null"
exec chroot "$r" /usr/bin/env -i PATH=/stubs:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@""#;

pub struct Place {
    root: tempfile::TempDir,
}

/// A name of a world, and what makes it out of a place.
pub type World = (&'static str, fn(&Place));

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
    /// the stubs that were called, in order, with their arguments
    pub calls: Vec<String>,
}

impl Place {
    pub fn new() -> Place {
        let place = Place { root: tempfile::tempdir().unwrap() };
        for name in STUBS {
            place.stub(name, "");
        }
        for dir in ["run", "var/lib", "etc/alternatives", "boot", "proc", "sys"] {
            fs::create_dir_all(place.root.path().join(dir)).unwrap();
        }
        // Debian's awk(1) is a link to the one that was chosen
        if let Ok(awk) = fs::canonicalize("/usr/bin/awk") {
            std::os::unix::fs::symlink(awk, place.at("/etc/alternatives/awk")).unwrap();
        }
        place
    }

    /// What a command does once it has said that it was called.
    pub fn stub(&self, name: &str, body: &str) -> &Place {
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>/calls\n{body}\n");
        self.write(&format!("/stubs/{name}"), &text);
        self.mode(&format!("/stubs/{name}"), 0o755);
        self
    }

    pub fn write(&self, path: &str, text: &str) -> &Place {
        let path = self.at(path);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }

    pub fn there(&self, path: &str) -> bool {
        fs::symlink_metadata(self.at(path)).is_ok()
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.root.path().display())
    }

    /// A command, in here.
    pub fn run(&self, argv: &[&str]) -> Ran {
        let _ = fs::remove_file(self.at("/calls"));
        let mut command = Command::new("unshare");
        // a user that is not root is root in here
        if !is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "sh", "-c", ENTER, "sh", &self.at("")]).args(argv).stdin(Stdio::null());
        let output = command.output().expect("unshare runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let calls = self.read("/calls").unwrap_or_default();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
            calls: calls.lines().map(|line| line.trim_end().to_string()).collect(),
        }
    }

    /// What an act runs: a script that was put there before, or a one-line script.
    pub fn act(&self, act: &Act) -> Ran {
        match act {
            Act::Run { argv, .. } => self.run(&argv.iter().map(String::as_str).collect::<Vec<_>>()),
            Act::Put { path, text, .. } => {
                self.write(path, &text.0);
                Ran { code: 0, out: String::new(), err: String::new(), calls: Vec::new() }
            }
            Act::Remove { path } => {
                let _ = fs::remove_file(self.at(path));
                Ran { code: 0, out: String::new(), err: String::new(), calls: Vec::new() }
            }
            other => panic!("not in here: {other:?}"),
        }
    }

    /// All acts of a list, to the first that fails.
    pub fn acts(&self, acts: &[Act]) -> Ran {
        let mut all = Ran { code: 0, out: String::new(), err: String::new(), calls: Vec::new() };
        for act in acts {
            let ran = self.act(act);
            all.code = ran.code;
            all.out += &ran.out;
            all.err += &ran.err;
            all.calls.extend(ran.calls);
            if ran.code != 0 {
                break;
            }
        }
        all
    }

    pub fn apply(&self, step: &StepKind) -> Ran {
        self.acts(&step.as_step().apply())
    }

    pub fn undo(&self, step: &StepKind) -> Ran {
        match step.as_step().undo() {
            Undo::Acts(acts) => self.acts(&acts),
            Undo::Nothing(why) => panic!("nothing to take back: {why}"),
        }
    }

    pub fn observe(&self, step: &StepKind) -> Seen {
        step.as_step().observe(self, Side::Old).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Ran {
    /// It failed, said why, and called none of these.
    pub fn fails(&self, code: i32, why: &str, not: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(self.err.contains(why), "`{why}` is not in: {}", self.err);
        for name in not {
            assert!(!self.calls.iter().any(|call| call.starts_with(name)), "{name} was called: {:?}", self.calls);
        }
    }

    pub fn good(&self) -> &Ran {
        assert_eq!(self.code, 0, "{}{}{:?}", self.out, self.err, self.calls);
        self
    }

    /// The calls of these commands, and of no other.
    pub fn calls_of(&self, names: &[&str]) -> Vec<&str> {
        let named = |call: &&str| names.iter().any(|name| call.split(' ').next() == Some(name));
        self.calls.iter().map(String::as_str).filter(named).collect()
    }
}

impl Look for Place {
    fn look(&self, _on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let answer = |query: &Query| {
            let Query::Run(argv) = query else { panic!("not in here: {query:?}") };
            let ran = self.run(&argv.iter().map(String::as_str).collect::<Vec<_>>());
            Output { code: ran.code, stdout: ran.out, stderr: ran.err }
        };
        Ok(queries.iter().map(answer).collect())
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// A step as it stands in a runbook.
pub fn step(json: &str) -> StepKind {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("no step: {error}\n{json}"))
}

/// The lab's runbook.
pub fn nodes() -> &'static [Node] {
    static NODES: LazyLock<Vec<Node>> = LazyLock::new(|| {
        let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
        let plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
        let sim = Sim::shaped(&plan, None, Shape { free_extents: 16, ..Shape::default() });
        let facts = facts::both(&sim).unwrap();
        course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
    });
    &NODES
}

pub fn node(id: &str) -> &'static Node {
    nodes().iter().find(|node| node.id.0 == id).unwrap_or_else(|| panic!("there is no step {id}"))
}
