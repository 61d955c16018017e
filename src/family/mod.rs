//! What a family of systems calls things: paths, commands, packages, units, how an initramfs is built and looked into. Data
//! and scripts, chosen once from the facts; nothing here asks a server, and nothing here knows another room.
//!
//! Two closed sets: [`Family`], which shares a package manager and its habits, and [`Builder`], which makes the initramfs.
//! They are two because one family may have several builders, and families may share one.

mod builder;
mod debian;
mod initramfs_tools;
mod kind;
mod terms;
mod words;

pub use builder::Builder;
pub use kind::Family;
pub use terms::{
    BootMenu, BuilderScripts, BuilderTerms, FamilyScripts, Held, HoldScripts, Hook, Installer, MdConf, Terms, Updater,
};
pub use words::{install, said};
