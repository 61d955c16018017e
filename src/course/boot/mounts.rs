//! The migrated system, mounted on new as it will be: /boot only once it is proven to be old's.

use crate::course::book::{Book, Handle};
use crate::course::copy::hash_file;
use crate::course::loader;
use crate::course::text;
use crate::host::Side::New;
use crate::layout::{Layout, MovedMount};
use crate::step::{BootProof, Mount};

pub(super) struct Mounts {
    /// what comes next waits for these
    last: Vec<Handle>,
    pub all: Vec<Handle>,
}

impl Mounts {
    fn mount(&mut self, book: &mut Book, id: String, step: Mount, why: &str) -> Handle {
        let handle = book.step(id, New, step, &self.last.iter().collect::<Vec<_>>(), why);
        self.last = vec![handle.clone()];
        self.all.push(handle.clone());
        handle
    }
}

pub(super) fn write(book: &mut Book, layout: &Layout, root: &str, after: Vec<Handle>) -> Mounts {
    let mut mounts = Mounts { last: after, all: Vec::new() };
    mount_own(book, layout, root, &mut mounts);
    bind(book, layout, root, &mut mounts);
    mounts
}

fn mount_own(book: &mut Book, layout: &Layout, root: &str, mounts: &mut Mounts) {
    // what the hash of /boot stands in is mounted for its proof
    let mut early: Vec<&str> = Vec::new();
    for mount in &layout.mounts {
        let is_boot = layout.boot.as_ref().is_some_and(|boot| boot.target == mount.target);
        let proof = is_boot.then(|| {
            early = mount_hash(book, layout, root, mounts);
            prove_boot(book, layout, root, mount, mounts)
        });
        if early.contains(&mount.target.as_str()) {
            continue;
        }
        let mounted =
            mounts.mount(book, id(mount), inside(root, mount), "to make the system ready for its new disks");
        if let Some(proof) = proof {
            // mounting writes to it
            book.until(&proof, &mounted);
        }
    }
}

fn id(mount: &MovedMount) -> String {
    if mount.target == "/" { "mount-root".into() } else { format!("mount{}", mount.target.replace('/', "-")) }
}

fn inside(root: &str, mount: &MovedMount) -> Mount {
    let target = format!("{root}{}", mount.target.trim_end_matches('/'));
    Mount { source: mount.source.clone(), target, bind: false }
}

/// The hash travelled in old's file system, which is not mounted whole before this: whatever it stands in below `/`.
fn mount_hash<'a>(book: &mut Book, layout: &'a Layout, root: &str, mounts: &mut Mounts) -> Vec<&'a str> {
    let hash = hash_file(layout);
    let above = layout.mounts.iter().filter(|mount| hash.starts_with(&format!("{}/", mount.target)));
    let mut mounted = Vec::new();
    for mount in above {
        mounts.mount(book, id(mount), inside(root, mount), "the hash of old's boot file system is there");
        mounted.push(mount.target.as_str());
    }
    mounted
}

fn prove_boot(book: &mut Book, layout: &Layout, root: &str, boot: &MovedMount, mounts: &mut Mounts) -> Handle {
    let proof = book.step(
        "prove-boot",
        New,
        BootProof {
            target: boot.target.clone(),
            device: boot.source.clone(),
            hash_file: format!("{root}{}", hash_file(layout)),
            script: text::BOOT_PROOF.into(),
            dir: layout.run.clone(),
            name: "boot-proof".into(),
        },
        &mounts.last.iter().collect::<Vec<_>>(),
        "by the hash that travelled with the volumes",
    );
    mounts.last = vec![proof.clone()];
    proof
}

/// What the boot loader's own tools need of the rescue system.
fn bind(book: &mut Book, layout: &Layout, root: &str, mounts: &mut Mounts) {
    for dir in loader::bound(layout) {
        mounts.mount(
            book,
            format!("bind{}", dir.replace('/', "-")),
            Mount { source: dir.to_string(), target: format!("{root}{dir}"), bind: true },
            "the boot loader's own tools run inside the migrated system",
        );
    }
}
