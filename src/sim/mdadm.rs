//! What mdadm(8) makes of its configuration where arrays are put together: mdadm.conf(5).

use super::devices::Dev;
use super::world::World;
use super::written::{Loc, Member};
use crate::facts::mdadm_conf::{self, Entry};
use crate::host::Server;

/// How an array is known to the configuration.
pub(super) enum Known {
    /// by this name
    As(String),
    /// no entry is about it: it gets a free number
    Not,
    /// more than one may be about it, or a member is "not permitted by mdadm.conf": it is not put together
    Refused,
}

impl World {
    /// `texts`: those of an initramfs, mdadm.conf first.
    pub(super) fn known(&self, server: Server, texts: &str, head: &Member, members: &[Loc]) -> Known {
        let conf = mdadm_conf::entries(texts.split("-- /").next().unwrap_or_default());
        let devs = self.bare_devices(server);
        let names = |loc: &Loc| -> Vec<String> {
            let dev = devs.iter().find(|dev| dev.loc == *loc);
            dev.map(|Dev { path, links, .. }| [path].into_iter().chain(links).cloned().collect()).unwrap_or_default()
        };
        let listed =
            |words: &[String], loc: &Loc| names(loc).iter().any(|name| words.iter().any(|word| matches(word, name)));
        let mut lists = conf.iter().filter(|entry| entry.keyword == "devices").peekable();
        let all = lists.peek().is_none() || lists.clone().any(|entry| !entry.narrows());
        let words: Vec<String> = lists.flat_map(|entry| entry.words.clone()).collect();
        if !all && !members.iter().all(|loc| listed(&words, loc)) {
            return Known::Refused;
        }
        let is_it = |entry: &&Entry| {
            let uuid = entry.value("uuid").map(|uuid| uuid.eq_ignore_ascii_case(&head.uuid));
            let name = entry.value("name").map(|name| name.eq_ignore_ascii_case(&head.name));
            let minor = entry.value("super-minor").map(|_| false);
            let devices = entry.value("devices").map(|list| {
                let words: Vec<String> = list.split(',').map(str::to_string).collect();
                members.iter().all(|loc| listed(&words, loc))
            });
            let told: Vec<bool> = [uuid, name, minor, devices].into_iter().flatten().collect();
            !told.is_empty() && told.into_iter().all(|same| same)
        };
        let found: Vec<&Entry> = conf.iter().filter(|entry| entry.keyword == "array").filter(is_it).collect();
        match found.as_slice() {
            [] => Known::Not,
            [entry] => match entry.words.iter().find(|word| word.starts_with('/')) {
                Some(path) => Known::As(path.rsplit('/').next().unwrap_or_default().to_string()),
                None => Known::Not,
            },
            _ => Known::Refused,
        }
    }
}

/// glob(7), as far as it is needed.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
