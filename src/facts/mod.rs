//! What was read from the two servers, nothing else.
//!
//! Sizes are in bytes. Where a field comes from is said beside it; the parsers are pure functions over recorded output.

pub mod activity;
pub mod apt;
mod digest;
pub mod dm;
mod drift;
mod fact;
pub mod filesystems;
pub mod filter;
pub mod fstab;
pub mod health;
mod holder;
pub mod link;
pub mod lsblk;
pub mod lvm;
pub mod md;
pub mod mdadm_conf;
pub mod mounts;
pub mod net;
pub mod os;
mod parse;
pub mod parts;
pub mod queries;
mod read;
pub mod record;
pub mod resolve;
mod server;
mod still;
mod storage;
pub mod texts;
pub mod under_way;
mod wanted;
pub mod writers;

pub use digest::digest;
pub use drift::{COMMAND, Change, FILE, drift};
pub(crate) use drift::{MODULE, PACKAGE};
pub use link::{Basis, Link};
pub use parse::ParseError;
pub use read::{FactsError, both, read};
pub(crate) use server::known_by_hardware;
pub use server::{CardLine, Facts, Firmware, Interface, MacLine, Os, Package, ServerFacts, machines};
pub use storage::{Array, Block, Health, Lv, Mount, Pv, Swap, Vg, identity};
