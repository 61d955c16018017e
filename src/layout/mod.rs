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
mod units;
mod volumes;

pub use cards::{addresses, has, link_of_cards, service_card};
pub(crate) use cards::{new_card, transfer_addresses, transfer_cards};
pub(crate) use firstboot::{CLOUD_INIT_DISABLED, runs_cloud_init};
pub use identify::{Disks, found, is_on};
pub(crate) use identify::{arrays_on, arrays_to_stop, claimed, fleeting, standing_on, what_is_on};
pub use lasting::{bare, configured, text};
pub(crate) use lasting::{lasting_hostname, lasting_mount, lasting_unit};
pub use loader::Loader;
pub use lun::Lun;
pub use model::{
    Array, Boot, Card, CopiedVolume, Disk, Group, Grown, Lasting, Layout, Made, MovedMount, Recreated, Store,
};
pub use moves::{Leg, Mirrored, Moves};
pub(crate) use naming::{NAMING_MASK, gives_name, names_mac, reads_links, udev_rules};
pub use offers::{Offer, offers};
pub use places::{Missing, Places, places};
pub use resolve::{Unfit, resolve};
pub(crate) use silence::unsilenced;
pub use silence::{InUse, Use};
pub use units::needed;
pub(crate) use units::{disturbing, needed_names};
pub use volumes::volumes;
pub(crate) use volumes::{room_for_raid1, without_room};
