use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::initramfs_tools;
use super::terms::{BuilderScripts, BuilderTerms};

/// What builds the initramfs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Builder {
    /// initramfs-tools(7)
    #[default]
    InitramfsTools,
}

impl Builder {
    /// All of them: see [`super::Family::ALL`].
    pub const ALL: [Builder; 1] = [Builder::InitramfsTools];

    /// What it must be told to do.
    pub fn scripts(self) -> BuilderScripts {
        match self {
            Builder::InitramfsTools => initramfs_tools::scripts(),
        }
    }

    /// Left out where it is saved: runbooks of before there was a choice are of this one.
    pub fn is_first(&self) -> bool {
        *self == Builder::default()
    }
}

impl Deref for Builder {
    type Target = BuilderTerms;

    fn deref(&self) -> &BuilderTerms {
        match self {
            Builder::InitramfsTools => &initramfs_tools::TERMS,
        }
    }
}
