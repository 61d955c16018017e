//! What the package manager would install.

use super::Package;
use super::fact::{Fact, Failed};
use super::parse::ParseError;
use crate::family::Family;
use crate::host::{Query, Side};

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "iscsi-packages",
    query: |side| (side == Side::Old).then(iscsi_packages_query),
    failed: Failed::Nothing,
    put: |text, server| parse(text).map(|packages| server.iscsi_packages = Some(packages)),
}];

/// Packages that are missing for the iSCSI initiator: answers [`parse`], with nothing where it is there already.
/// Fails where no family's package manager is there, or has lists.
pub(crate) fn iscsi_packages_query() -> Query {
    let each = Family::ALL.map(|family| format!("(\n{})", family.scripts().initiator));
    Query::run(["sh", "-c", &each.join(" || ")])
}

/// Lines as apt-get(8) prints them: `Inst name [installed version] (version origin [arch])`, in the order of installation.
pub fn parse(text: &str) -> Result<Vec<Package>, ParseError> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines
        .map(|line| {
            let name = line.split_whitespace().next().unwrap_or_default();
            let version =
                line.split_once('(').and_then(|(_, rest)| rest.split([' ', ')']).next()).unwrap_or_default();
            if name.is_empty() || version.is_empty() {
                return Err(ParseError(format!("no name and version in `Inst {line}`")));
            }
            Ok(Package { name: name.to_string(), version: version.to_string() })
        })
        .collect()
}
