//! How new comes to start the system that moves: a closed set of ways, of which one is chosen. Choices only: the steps are in
//! `course/start`.

use super::cards::{has, new_card, service_card};
use crate::facts::{Facts, machines};
use crate::plan::{NewBoot, Plan};
use crate::step::Release;

/// How new comes to start the system.
pub(crate) enum Start {
    /// from rescue, after the cutover
    Rescue,
    /// from its own disks before the copy, to wait in its own initramfs
    Held(Box<Hold>),
}

/// What is chosen for a hold.
pub(crate) struct Hold {
    /// how that machine is known: the product's UUIDs that it may tell, in lower case; none where it has none of its own
    pub machines: Vec<String>,
    /// MAC address of new's card, in lower case
    pub mac: String,
    /// modules of that card's driver and of the bus below
    pub drivers: Vec<String>,
    /// those of old's cards
    pub old_macs: Vec<String>,
    /// the address at which new holds, with its prefix: `192.0.2.20/24`
    pub address: String,
    /// `None`: whoever talks to it is in its own network
    pub gateway: Option<String>,
    /// old's addresses on the card that new's takes the place of, without their prefixes: IPv4. Who has spoken to old remembers
    /// its card
    pub takes: Vec<String>,
    /// what each of new's groups bears once it is to boot
    pub tag: String,
    /// where new boots into it from; `None`: from the copy of `/boot`
    pub place: Option<OwnPlace>,
}

/// A small place of the hold's own, where `/boot` travels with a volume.
pub(crate) struct OwnPlace {
    /// index of the store that it is
    pub to: usize,
    /// index of the disk that new offers for it
    pub lun: usize,
    /// of its file system
    pub uuid: String,
    /// the version of the kernel that new boots with: the one that runs on old
    pub kernel: String,
    /// what that kernel is told, as old's was
    pub line: String,
}

impl Start {
    /// New boots before anything is copied, with a boot file system that was copied before that.
    pub(crate) fn is_first(&self) -> bool {
        matches!(self, Start::Held(_))
    }

    /// How new is let go on, with these groups; `None`: it does not wait.
    pub(crate) fn release<'a>(&self, groups: impl Iterator<Item = &'a str>) -> Option<Release> {
        match self {
            Start::Rescue => None,
            Start::Held(hold) => {
                Some(Release { tag: hold.tag.clone(), groups: groups.map(str::to_string).collect() })
            }
        }
    }

    /// The place of its own that a hold has.
    pub(crate) fn place(&self) -> Option<&OwnPlace> {
        match self {
            Start::Held(hold) => hold.place.as_ref(),
            Start::Rescue => None,
        }
    }

    /// As it was chosen. Where the plan asks for a hold and the servers do not allow it, the findings say why.
    pub(super) fn of(plan: &Plan, facts: &Facts, place: Option<OwnPlace>) -> Start {
        match super::boot(plan, facts) {
            NewBoot::Rescue => Start::Rescue,
            NewBoot::Held => held(plan, facts, place).map_or(Start::Rescue, |hold| Start::Held(Box::new(hold))),
        }
    }
}

fn held(plan: &Plan, facts: &Facts, place: Option<OwnPlace>) -> Option<Hold> {
    let address = plan.new.address.to_string();
    let card = new_card(plan, facts).filter(|card| has(card, &address))?;
    let service = service_card(plan, facts)?;
    let four = service.addresses.iter().filter(|address| !address.contains(':'));
    let with_prefix = card.addresses.iter().find(|one| one.split('/').next() == Some(address.as_str()))?.clone();
    let same_kind = |gateway: &&String| gateway.contains(':') == address.contains(':');
    let macs = facts.old.interfaces.iter().filter(|card| card.physical).map(|card| card.own_mac().to_lowercase());
    Some(Hold {
        machines: product(facts),
        mac: card.own_mac().to_lowercase(),
        drivers: card.drivers.clone(),
        old_macs: macs.filter(|mac| !mac.is_empty()).collect(),
        address: with_prefix,
        gateway: facts.new.gateways.iter().find(same_kind).cloned(),
        takes: four.filter_map(|address| address.split('/').next()).map(str::to_string).collect(),
        tag: "replant_go".into(),
        place,
    })
}

/// Kernels before 4.2 print the first three groups of some machines in the other byte order.
fn product(facts: &Facts) -> Vec<String> {
    let machines = machines(facts);
    let Some(new) = machines.new.machine.filter(|new| machines.old.machine.as_ref() != Some(new)) else {
        return Vec::new();
    };
    let swapped = uuid::Uuid::parse_str(&new).ok().map(|uuid| uuid::Uuid::from_bytes(uuid.to_bytes_le()).to_string());
    let mut all = vec![new];
    all.extend(swapped.filter(|swapped| *swapped != all[0]));
    all
}
