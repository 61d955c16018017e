use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::builder::Builder;
use super::debian;
use super::terms::{FamilyScripts, Terms};

/// A family of systems, known by what os-release(5) says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Debian, Ubuntu and what is made of them
    #[default]
    Debian,
}

impl Family {
    /// All of them: what is asked of a server before it has said what it is, is asked for each.
    pub const ALL: [Family; 1] = [Family::Debian];

    /// By `ID` and `ID_LIKE`. A system of no known family is taken for one of the first: its rules then name the commands
    /// that are missing.
    pub fn of(id: &str, like: &[String]) -> Family {
        Family::known(id, like).unwrap_or_default()
    }

    fn known(id: &str, like: &[String]) -> Option<Family> {
        let mut names = [id].into_iter().chain(like.iter().map(String::as_str));
        names.find_map(|name| Family::ALL.into_iter().find(|family| family.ids.contains(&name)))
    }

    /// What it calls things: the family itself dereferences to it, for as long as it lives.
    pub fn terms(self) -> &'static Terms {
        match self {
            Family::Debian => &debian::TERMS,
        }
    }

    /// What builds its initramfs.
    pub fn builder(self) -> Builder {
        match self {
            Family::Debian => Builder::InitramfsTools,
        }
    }

    /// What its own tools must be told to do.
    pub fn scripts(self) -> FamilyScripts {
        match self {
            Family::Debian => debian::scripts(),
        }
    }

    /// Left out where it is saved: runbooks of before there was a choice are of this one.
    pub fn is_first(&self) -> bool {
        *self == Family::default()
    }
}

impl Deref for Family {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        self.terms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_known_by_its_own_name_or_by_what_it_is_like() {
        let known = |id: &str, like: &str| {
            Family::known(id, &like.split_whitespace().map(str::to_string).collect::<Vec<_>>())
        };
        for (id, like) in
            [("debian", ""), ("ubuntu", "debian"), ("linuxmint", "ubuntu debian"), ("raspbian", "debian")]
        {
            assert_eq!(known(id, like), Some(Family::Debian), "{id}");
        }
        assert_eq!(known("rhel", "fedora"), None);
        assert_eq!(Family::of("rhel", &["fedora".into()]), Family::Debian, "whose commands are then missing");
    }

    #[test]
    fn what_was_saved_before_there_was_a_choice_is_of_the_first() {
        assert_eq!(serde_json::to_string(&Family::default()).unwrap(), "\"debian\"");
        assert!(Family::default().is_first());
    }
}
