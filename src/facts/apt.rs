//! What apt-get(8) would install.

use super::Package;
use super::parse::ParseError;
use crate::host::Query;

/// Packages that are missing for the iSCSI initiator: answers [`parse`], with nothing where it is there already.
/// Fails where there is no apt or its lists are empty. A simulation takes no locks and changes no package.
pub fn iscsi_packages_query() -> Query {
    Query::run(["sh", "-c", MISSING])
}

const MISSING: &str = "command -v iscsiadm >/dev/null || \
exec apt-get -s -q --no-install-recommends install open-iscsi";

/// Lines `Inst name [installed version] (version origin [arch])`, in the order of installation.
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
