//! Every script of replant, run for real by sh(1) in worlds in which its check fails.
//!
//! Each runs as it is sent to a server, in a root directory of its own: the tools that could change anything are stubs that
//! write down how they were called, everything else is this machine's, read-only.

#[path = "scripts/place.rs"]
mod place;

#[path = "scripts/below.rs"]
mod below;
#[path = "scripts/boot.rs"]
mod boot;
#[path = "scripts/carried.rs"]
mod carried;
#[path = "scripts/dead_man.rs"]
mod dead_man;
#[path = "scripts/hold.rs"]
mod hold;
#[path = "scripts/initramfs.rs"]
mod initramfs;
#[path = "scripts/linted.rs"]
mod linted;
#[path = "scripts/lvm.rs"]
mod lvm;
#[path = "scripts/placed.rs"]
mod placed;
#[path = "scripts/rehearsal.rs"]
mod rehearsal;
#[path = "scripts/small.rs"]
mod small;
#[path = "scripts/used.rs"]
mod used;
#[path = "scripts/verify.rs"]
mod verify;
#[path = "scripts/waits.rs"]
mod waits;
