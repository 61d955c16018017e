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
mod start;
mod units;
mod volumes;
mod ways;

pub(crate) use cards::{addresses, has, new_card, transfer_addresses, transfer_cards};
pub use cards::{link_of_cards, service_card};
pub(crate) use firstboot::{CLOUD_INIT_DISABLED, runs_cloud_init};
pub use identify::Disks;
pub(crate) use identify::{arrays_on, arrays_to_stop, claimed, fleeting, found, is_on, standing_on, what_is_on};
pub(crate) use lasting::{bare, configured, lasting_hostname, lasting_mount, lasting_unit, text};
pub(crate) use loader::Loader;
pub(crate) use lun::Lun;
pub(crate) use model::{Array, Boot, Card, CopiedVolume, Disk, Group, Grown, Layout, Made, MovedMount, Store};
pub(crate) use moves::{Below, Leg, Mirrored, Moves, Under};
pub(crate) use naming::{NAMING_MASK, gives_name, names_mac, reads_links, udev_rules};
pub(crate) use offers::{Offer, offers};
pub(crate) use places::{Missing, Places, places};
pub(crate) use resolve::{Unfit, resolve};
pub(crate) use silence::{InUse, Use, unsilenced};
pub(crate) use start::{Hold, OwnPlace, Start};
pub(crate) use units::{disturbing, needed, needed_names};
pub(crate) use volumes::{room_for_raid1, volumes, without_room};
pub(crate) use ways::{Obstacle, below, boot, copied_whole, held, method, place};
