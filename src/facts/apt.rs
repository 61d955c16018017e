//! What apt-get(8) would install.

use super::Package;
use super::parse::ParseError;
use crate::host::Query;

/// Packages that are missing for the iSCSI initiator: answers [`parse`], with nothing where it is there already.
/// Fails where there is no apt or its lists are empty. A simulation takes no locks and changes no package.
pub(crate) fn iscsi_packages_query() -> Query {
    Query::run(["sh", "-c", MISSING])
}

/// Where the package lists are empty or old they are fetched into a directory of our own under /run, which is removed
/// again: the server's own lists stay as they are.
const MISSING: &str = r#"! command -v iscsiadm >/dev/null || exit 0
apt-get -s -q --no-install-recommends install open-iscsi 2>/dev/null && exit 0
dir=$(mktemp -d /run/replant-apt.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
set -- -q -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root
apt-get "$@" update >/dev/null && apt-get "$@" -s --no-install-recommends install open-iscsi"#;

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
