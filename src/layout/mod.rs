//! Plan and facts, joined: what each line of the plan means on the two servers. Which disk, which volume, which card; what
//! will be made, and by what names it will be known. It decides, and it judges nothing: what is wrong, `findings` says.

mod cards;
mod disks;
mod firstboot;
mod groups;
mod identify;
mod ids;
mod lasting;
mod loader;
mod lun;
mod model;
mod moves;
mod naming;
mod offers;
mod places;
mod resolve;
mod silence;
mod sizes;
mod units;
mod volumes;

pub use cards::{addresses, has, link_of_cards, new_card, service_card, transfer_addresses, transfer_cards};
pub use firstboot::{CLOUD_INIT_DISABLED, runs_cloud_init};
pub use identify::{Disks, arrays_on, arrays_to_stop, claimed, fleeting, found, is_on, standing_on, what_is_on};
pub use lasting::{bare, configured, lasting_addresses, lasting_hostname, lasting_mount, lasting_unit, text};
pub use loader::Loader;
pub use lun::Lun;
pub use model::{
    Array, Boot, Card, CopiedVolume, Disk, Group, Grown, Lasting, Layout, Made, MovedMount, Recreated, Store,
};
pub use moves::{Leg, Mirrored, Moves};
pub use naming::{NAMING_MASK, gives_name, named_by_rule, names_mac, reads_links, udev_rules};
pub use offers::{Offer, offers};
pub use places::{Missing, Places, places};
pub use resolve::{Unfit, resolve};
pub use silence::{InUse, Use, unsilenced};
pub use sizes::MIB;
pub use units::{disturbing, needed, needed_names};
pub use volumes::{room_for_raid1, volumes, without_room};
