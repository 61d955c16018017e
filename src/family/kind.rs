use std::ops::Deref;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        let is =
            |family: &&Family| family.ids.contains(&id) || like.iter().any(|id| family.ids.contains(&id.as_str()));
        Family::ALL.iter().find(is).copied().unwrap_or_default()
    }

    pub fn terms(self) -> &'static Terms {
        match self {
            Family::Debian => &debian::TERMS,
        }
    }

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
        let like = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        for (id, says) in
            [("debian", ""), ("ubuntu", "debian"), ("linuxmint", "ubuntu debian"), ("raspbian", "debian")]
        {
            let known = Family::ALL.iter().any(|family| {
                family.ids.contains(&id) || like(says).iter().any(|id| family.ids.contains(&id.as_str()))
            });
            assert!(known, "{id}");
            assert_eq!(Family::of(id, &like(says)), Family::Debian);
        }
        assert_eq!(Family::of("rhel", &like("fedora")), Family::default(), "whose commands are then missing");
    }

    #[test]
    fn what_was_saved_before_there_was_a_choice_is_of_the_first() {
        assert_eq!(serde_json::to_string(&Family::default()).unwrap(), "\"debian\"");
        assert!(Family::default().is_first());
    }
}
