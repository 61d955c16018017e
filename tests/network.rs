//! Whole migrations of servers whose present state is not what their files say, over the simulated pair.

mod sweep;

use replant::facts;
use replant::host::Server;
use replant::journal::Kind;
use replant::plan::Plan;
use replant::sim::{Shape, Sim, System};
use sweep::{Scene, pair};

fn lab() -> Plan {
    pair::plan("lab")
}

/// Whether old is as its files have it: then it is so again after a rollback.
type Found = Result<(), &'static str>;

/// The migration of this pair, to the end. `before`: what somebody did on old since it booted.
fn migrates(name: &'static str, shape: Shape, before: impl FnOnce(&Sim) -> Found) -> replant::sim::World {
    let plan = lab();
    let world = Sim::shaped(&plan, None, shape);
    let found = before(&world);
    let case = pair::case(name, &plan, world);
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "undisturbed");
    let world = scene.world.world();
    assert_eq!(world.new.system, System::Own, "{name}");
    case.clean(&mut scene, Kind::Rollback, "all done");
    // what was done by hand is over when old boots again
    if found.is_ok() {
        case.as_found(&scene, &case.world, "all done");
    }
    world
}

#[test]
fn old_on_a_vlan_has_its_address_on_new() {
    let world = migrates("vlan", Shape { vlan: true, ..Shape::default() }, |_| Ok(()));
    assert_eq!(world.new.run.vlan.as_deref(), Some("vlan207"));
    assert_eq!(world.new.run.card, "ens3");
}

/// Each server makes another address of the same announcement.
#[test]
fn an_address_made_of_the_card_does_not_hold_it_up() {
    let announced = Some("2001:db8:7::".to_string());
    let world = migrates("slaac", Shape { announced, ..Shape::default() }, |_| Ok(()));
    assert_eq!(world.new.run.made.as_deref(), Some("2001:db8:7::5054:ff:fe77:22/64"));
}

#[test]
fn what_was_done_by_hand_on_old_does_not_hold_it_up() {
    let by_hand = |sim: &Sim| {
        sim.change(|world| {
            let run = &mut world.machine_mut(Server::Old).run;
            run.hostname = "srv1-by-hand".into();
            run.addresses.push("10.77.0.99/32".into());
            run.units.insert("rec.service".into(), true);
        });
        Err("a name, an address and a unit")
    };
    let unit = lab().cutover.units().first().cloned().expect("the lab's plan stops something");
    assert_eq!(unit, "rec.service");
    let shape = Shape { disabled: vec![unit.clone()], ..Shape::default() };
    let world = migrates("by hand", shape, by_hand);
    assert_eq!(world.new.run.hostname, "srv1");
    assert_eq!(world.new.run.units.get(&unit), Some(&false));
}

/// Where udev reads no .link files, the card is named by a rule.
#[test]
fn a_card_gets_its_name_where_no_link_file_is_read() {
    let masked = |sim: &Sim| {
        for (path, text) in [("80-net-setup-link.rules", "\n"), ("70-persistent-net.rules", "")] {
            let path = format!("/etc/udev/rules.d/{path}");
            assert!(sim.change(|world| match text {
                "" => world.remove_file(Server::Old, &path).is_ok(),
                text => world.write_file(Server::Old, &path, text, 0o644).is_ok(),
            }));
        }
        // what it is called now it is called by the kernel
        sim.change(|world| world.machine_mut(Server::Old).card.name = "ens3".into());
        Ok(())
    };
    let world = migrates("masked", Shape::default(), masked);
    assert_eq!(world.new.run.card, "ens3");
}

// ---- the first boot on other hardware -------------------------------------------------------------------------------

#[test]
fn a_cloud_image_is_no_new_server_on_new() {
    let world = migrates("cloud image", Shape { cloud_init: true, ..Shape::default() }, |_| Ok(()));
    assert!(world.exists(Server::New, "/etc/cloud/cloud-init.disabled"));
}

/// Where the package of the boot loader would put it with the next update.
#[test]
fn the_boot_loaders_package_knows_news_disks() {
    let world = migrates("grub", Shape::default(), |_| Ok(()));
    let said = world.read_file(Server::New, "/var/cache/debconf/config.dat").unwrap();
    let disks = said.trim_end().strip_prefix("grub-pc/install_devices: ").unwrap().split(", ");
    assert_eq!(disks.clone().count(), lab().disks.len(), "{said}");
    assert!(disks.clone().all(|disk| disk.starts_with("/dev/disk/by-id/") && !disk.contains("OLD")), "{said}");
}

/// The check of the copies would find it with old switched off.
#[test]
fn a_rescue_system_that_is_too_old_is_refused() {
    let sim = Sim::shaped(&lab(), None, Shape { modern: true, ..Shape::default() });
    let facts = facts::both(&sim).unwrap();
    let found = replant::findings::find(&lab(), &facts);
    assert!(found.iter().any(|finding| finding.code == "R1033" && finding.stops()), "{found:#?}");
    assert!(found.iter().any(|finding| finding.message.contains("`orphan_file` (e2fsck 1.46.2)")), "{found:#?}");
}
