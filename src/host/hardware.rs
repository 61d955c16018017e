//! Which machine answers. Old and the migrated new share name, address and host key: only their hardware tells them apart.

use std::collections::BTreeSet;

use super::{Query, Server};

/// What a machine is known by, whatever system runs on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// the product's UUID, where the machine has one that means anything
    pub machine: Option<String>,
    /// serial numbers and WWNs of its disks
    pub disks: BTreeSet<String>,
}

/// Both machines, as the facts know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machines {
    /// of the old server
    pub old: Hardware,
    /// of the new server, whichever system runs there
    pub new: Hardware,
}

/// Whose hardware it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// it has what only that server has
    Of(Server),
    /// it has disks that only old has, and disks that only new has
    Mixed,
    /// it has nothing that only one of the two has
    Neither,
}

/// Prints what a machine is known by. The kernel's files are read by the shell itself; lsblk(8) is the only process.
const SCRIPT: &str = "u= b=; { read -r u </sys/class/dmi/id/product_uuid; read -r b </proc/sys/kernel/random/boot_id; } 2>/dev/null; \
    printf '%s\\n%s\\n' \"$u\" \"$b\"; exec lsblk --nodeps --noheadings --pairs --output SERIAL,WWN";

/// What is asked of a machine to know it: see [`Machine::parse`].
pub fn query() -> Query {
    Query::run(["sh", "-c", SCRIPT])
}

/// A machine that was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// what it is known by
    pub hardware: Hardware,
    /// of the system that runs there: another one means that it is another system, or that it has been rebooted
    pub boot_id: String,
}

impl Machine {
    /// What [`query`] printed.
    pub fn parse(text: &str) -> Machine {
        let mut lines = text.lines();
        let mut line = || lines.next().unwrap_or_default().trim().to_string();
        let (uuid, boot_id) = (line(), line());
        let values = lines.flat_map(|line| {
            ["SERIAL=\"", "WWN=\""].map(|name| line.split(name).nth(1).and_then(|rest| rest.split('"').next()))
        });
        Machine { hardware: Hardware::new(Some(&uuid), values.flatten()), boot_id }
    }
}

impl Hardware {
    /// Serial numbers and WWNs go into one set: nothing is both.
    pub fn new<S: AsRef<str>>(machine: Option<&str>, disks: impl IntoIterator<Item = S>) -> Hardware {
        let disks = disks.into_iter().map(|id| id.as_ref().trim().to_string()).filter(|id| !id.is_empty());
        Hardware { machine: machine.and_then(product), disks: disks.collect() }
    }
}

/// A product's UUID in one form, or `None` where it is one that makers leave in many machines.
///
/// Kernels before 4.2 print the first three groups of some machines in the other byte order: new's rescue system and old's
/// kernel may disagree about one machine, so both orders are the same here.
fn product(text: &str) -> Option<String> {
    /// the default of AMI's firmware, which many boards were sold with
    const NOT_SET: &str = "03000200-0400-0500-0006-000700080009";
    let uuid = uuid::Uuid::parse_str(text.trim()).ok()?;
    let swapped = uuid::Uuid::from_bytes(uuid.to_bytes_le());
    let all_equal = uuid.as_bytes().iter().all(|byte| *byte == uuid.as_bytes()[0]);
    let canonical = uuid.min(swapped).to_string();
    (!all_equal && uuid.to_string() != NOT_SET && swapped.to_string() != NOT_SET).then_some(canonical)
}

impl Machines {
    /// What that server is known by.
    pub(crate) fn of(&self, server: Server) -> &Hardware {
        match server {
            Server::Old => &self.old,
            Server::New => &self.new,
        }
    }

    /// Whether this server has anything that the other has not.
    pub(crate) fn can_tell(&self, server: Server) -> bool {
        let (it, other) = (self.of(server), self.of(server.other()));
        it.machine.as_ref().is_some_and(|uuid| other.machine.as_ref() != Some(uuid))
            || it.disks.difference(&other.disks).next().is_some()
    }

    /// Disks can be moved to another machine: the machine's own UUID counts for more, where it tells the two apart.
    pub(crate) fn whose(&self, found: &Hardware) -> Whose {
        let board = |of: Server| {
            let uuid = &self.of(of).machine;
            uuid.is_some() && found.machine == *uuid && self.of(of.other()).machine != *uuid
        };
        let disk = |of: Server| {
            found.disks.iter().any(|id| self.of(of).disks.contains(id) && !self.of(of.other()).disks.contains(id))
        };
        match (board(Server::Old), board(Server::New), disk(Server::Old), disk(Server::New)) {
            (true, ..) => Whose::Of(Server::Old),
            (_, true, ..) => Whose::Of(Server::New),
            (_, _, true, false) => Whose::Of(Server::Old),
            (_, _, false, true) => Whose::Of(Server::New),
            (_, _, true, true) => Whose::Mixed,
            // one of the two shows nothing of its own: what does not show the other's is that one
            _ => match (self.can_tell(Server::Old), self.can_tell(Server::New)) {
                (false, true) => Whose::Of(Server::Old),
                (true, false) => Whose::Of(Server::New),
                _ => Whose::Neither,
            },
        }
    }

    /// Whether this is the machine of `server`, or why not. Two machines that nothing tells apart are both believed.
    ///
    /// # Errors
    /// What was found instead, for people.
    pub(crate) fn expect(&self, server: Server, found: &Hardware) -> Result<(), String> {
        let own = || match found.disks.is_empty() {
            true => "no disk with a serial number".to_string(),
            false => format!("disks {}", found.disks.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        match self.whose(found) {
            Whose::Of(who) if who == server => Ok(()),
            Whose::Of(who) => Err(format!("by its hardware it is {who}")),
            Whose::Mixed => Err(format!("it has disks of both servers ({})", own())),
            Whose::Neither if !self.can_tell(Server::Old) && !self.can_tell(Server::New) => Ok(()),
            Whose::Neither => {
                let uuid = found.machine.as_deref().unwrap_or("none");
                Err(format!("by its hardware it is neither of the two servers (product UUID {uuid}, {})", own()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "4c4c4544-0031-3010-8053-b2c04f4d5931";
    const B: &str = "4c4c4544-0031-3010-8053-b2c04f4d5932";
    /// [`A`], as an older kernel prints it
    const A_SWAPPED: &str = "44454C4C-3100-1030-8053-B2C04F4D5931";

    fn is(uuid: &str, disks: &[&str]) -> Hardware {
        Hardware::new(Some(uuid), disks)
    }

    fn both(old: Hardware, new: Hardware) -> Machines {
        Machines { old, new }
    }

    #[test]
    fn a_machine_is_known_by_its_board_and_then_by_its_disks() {
        let pair = both(is(A, &["OLD0", "OLD1"]), is(B, &["NEW0", "NEW1"]));
        for (found, whose) in [
            (is(A, &["OLD0", "OLD1"]), Whose::Of(Server::Old)),
            (is(A_SWAPPED, &[]), Whose::Of(Server::Old)),
            (is(B, &["NEW1"]), Whose::Of(Server::New)),
            (is(B, &["OLD0"]), Whose::Of(Server::New)),
            (is("", &["NEW1", "usb"]), Whose::Of(Server::New)),
            (is("", &["NEW1", "OLD0"]), Whose::Mixed),
            (is("", &[]), Whose::Neither),
            (is("5c4c4544-0031-3010-8053-b2c04f4d5931", &["other"]), Whose::Neither),
        ] {
            assert_eq!(pair.whose(&found), whose, "{found:?}");
            let expected = whose == Whose::Of(Server::Old);
            assert_eq!(pair.expect(Server::Old, &found).is_ok(), expected, "{found:?}");
        }
        assert_eq!(pair.expect(Server::Old, &pair.new), Err("by its hardware it is new".into()));
    }

    #[test]
    fn equal_and_empty_uuids_leave_it_to_the_disks() {
        for uuid in
            [A, "", "Not Settable", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
        {
            let pair = both(is(uuid, &["OLD0", "both"]), is(uuid, &["NEW0", "both"]));
            assert_eq!(pair.whose(&is(uuid, &["OLD0", "both"])), Whose::Of(Server::Old), "{uuid}");
            assert_eq!(pair.whose(&is(uuid, &["NEW0"])), Whose::Of(Server::New), "{uuid}");
            assert_eq!(pair.whose(&is(uuid, &["both"])), Whose::Neither, "{uuid}");
        }
        for ami in ["03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009"] {
            assert_eq!(is(ami, &[]).machine, None);
        }
    }

    #[test]
    fn who_shows_nothing_of_its_own_is_known_by_not_being_the_other() {
        let pair = both(is("", &[]), is("", &["NEW0"]));
        assert!(!pair.can_tell(Server::Old) && pair.can_tell(Server::New));
        assert_eq!(pair.expect(Server::Old, &is("", &["LUN"])), Ok(()));
        assert!(pair.expect(Server::Old, &is("", &["NEW0"])).is_err());
        assert!(pair.expect(Server::New, &is("", &[])).is_err());
        let nothing = both(is("", &[]), is("", &[]));
        assert_eq!(nothing.expect(Server::Old, &is(B, &["x"])), Ok(()));
    }

    #[test]
    fn what_a_machine_prints() {
        let text = format!(
            "{}\n0f0f-boot\nSERIAL=\"OLD0\" WWN=\"0x5000c500a1b2c3d4\"\nSERIAL=\"\" WWN=\"\"\n",
            A.to_uppercase()
        );
        let seen = Machine::parse(&text);
        assert_eq!(seen, Machine { hardware: is(A, &["OLD0", "0x5000c500a1b2c3d4"]), boot_id: "0f0f-boot".into() });
        assert_eq!(Machine::parse("\n\n"), Machine::default());
    }
}
