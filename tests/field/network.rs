//! Rows about addresses, names of cards and what else depends on the hardware of the network.

use replant::runbook::Node;
use replant::step::{Identity, StepKind};
use serde_json::{Value, json};

use super::world::World;

fn told(row: Value) -> World {
    World::told(&row).unwrap()
}

fn identity(node: Node) -> Identity {
    let StepKind::Identity(identity) = node.step else { panic!("{node:?}") };
    identity
}

/// What is demanded of the migrated system, first and last.
#[track_caller]
fn demanded(world: &World) -> Identity {
    let [first, last] = ["same-system", "serves"].map(|id| identity(world.step(id)));
    assert_eq!(first, last);
    first
}

// ---- addresses ------------------------------------------------------------------------------------------------------

const OWN: &str = "\"local\":\"10.77.0.21\",\"prefixlen\":24";

/// The answer of ip(8) with more addresses on old's card, before its own.
fn with_addresses(more: &str) -> Value {
    let own = "{\"family\":\"inet\",\"local\":\"10.77.0.21\"";
    json!([[own, format!("{more},{own}")]])
}

#[test]
fn an_address_made_of_the_card_is_not_demanded() {
    let world = World::of("slaac");
    assert_eq!(demanded(&world).addresses, ["10.77.0.21/24"]);
    let hit = world.finds("R1411", "2001:db8:7::5054:ff:fe77:21 on ens3 was made by old");
    assert!(!hit.stops());
    world.may_go();
    // it is in no file, whatever way it came: NetworkManager makes one of another secret, a lease is of one address
    for (address, came) in [
        (r#"{"family":"inet6","local":"2001:db8:7::77","prefixlen":128,"scope":"global","dynamic":true}"#, "leased"),
        (r#"{"family":"inet","local":"10.77.0.90","prefixlen":24,"scope":"global","dynamic":true}"#, "leased"),
        (r#"{"family":"inet6","local":"fd00::1","prefixlen":64,"scope":"global","mngtmpaddr":true}"#, "router"),
    ] {
        let world = told(json!({ "old": { "interfaces": { "sub": with_addresses(address) } } }));
        assert_eq!(demanded(&world).addresses, ["10.77.0.21/24"], "{address}");
        assert_eq!(world.of_code("R1411").len(), 1, "{address}");
        world.finds("R1411", came);
    }
}

/// keepalived and clusters give addresses that no file of the network has; docker and libvirt have bridges of their own.
#[test]
fn an_address_that_floats_is_not_demanded() {
    let floats = r#"{"family":"inet","local":"10.77.0.99","prefixlen":32,"scope":"global","label":"ens3"}"#;
    let world = told(json!({ "old": { "interfaces": { "sub": with_addresses(floats) } } }));
    assert_eq!(demanded(&world).addresses, ["10.77.0.21/24"]);
    world.finds("R1412", "10.77.0.99/32 on ens3");
    world.may_go();
    // and whether it is there now or not is no other server
    let without = told(json!({}));
    assert_eq!(replant::facts::drift(&without.facts.old, &world.facts.old), []);

    let bridge = json!({ "name": "docker0", "mac": "02:42:00:00:00:01", "up": false, "addresses": ["172.17.0.1/16"],
        "drivers": [], "physical": false });
    let world = told(json!({ "ops": [{ "push": "/old/interfaces", "to": bridge }] }));
    assert_eq!(demanded(&world).addresses, ["10.77.0.21/24"]);
    world.finds_nothing();
}

/// What somebody wrote down is demanded, in whichever file.
#[test]
fn addresses_that_are_configured_are_demanded() {
    let more = r#"{"family":"inet6","local":"2001:db8:7::21","prefixlen":64,"scope":"global"},{"family":"inet","local":"10.77.0.30","prefixlen":32,"scope":"global"}"#;
    let mut row = json!({ "old": { "interfaces": { "sub": with_addresses(more) } }, "ops": [
        { "add": "/old/files/~1etc~1network~1interfaces", "to": "    up ip addr add 10.77.0.30/32 dev ens3\n" },
        { "set": "/old/configured", "to": ["2001:db8:7::21"] },
    ] });
    let world = told(row.clone());
    assert_eq!(demanded(&world).addresses, ["2001:db8:7::21/64", "10.77.0.30/32", "10.77.0.21/24"]);
    world.finds_nothing();
    // one that only a comment has does not count
    row["ops"][0]["to"] = "# 10.77.0.30/32 floats\n".into();
    assert_eq!(demanded(&told(row)).addresses, ["2001:db8:7::21/64", "10.77.0.21/24"]);
}

#[test]
fn a_leased_address_is_reserved_first() {
    for world in [
        World::of("dhcp"),
        // where ip(8) does not say it, the file does
        told(json!({ "ops": [{ "set": "/old/files/~1etc~1network~1interfaces", "to": "iface ens3 inet dhcp\n" }] })),
        told(json!({ "old": { "interfaces": { "sub": [[OWN, format!("{OWN},\"dynamic\":true")]] } } })),
    ] {
        let hit = world.finds("R1410", "10.77.0.21 by DHCP");
        assert!(hit.stops() && hit.help.contains("reserve 10.77.0.21 for 52:54:00:77:00:22"), "{hit:?}");
        let mut waived = world.plan.plan.clone();
        waived.waive = waivers();
        let all = replant::findings::find(&waived, &world.facts);
        assert!(all.iter().all(|finding| !finding.stops()), "{all:#?}");
        // it is the address that old is known by: new must have it
        assert_eq!(demanded(&world).addresses, ["10.77.0.21/24"]);
    }
}

/// Waivers, as a plan has them.
fn waivers() -> Vec<replant::plan::Waiver> {
    let lab = std::fs::read_to_string("tests/runbooks/lab.yaml").unwrap();
    let text = lab + "waive: [{ code: R1410, reason: it is reserved }]\n";
    replant::plan::parse("waived.yaml", &text).unwrap_or_else(|bad| panic!("{bad}")).plan.waive
}

// ---- what else is so at this moment only ------------------------------------------------------------------------------

#[test]
fn a_name_that_was_set_by_hand_is_not_demanded() {
    let by_hand = told(json!({ "ops": [{ "set": "/old/hostname", "to": "srv1-old" }] }));
    assert_eq!(demanded(&by_hand).hostname, "srv1");
    by_hand.finds("R1030", "old is called `srv1-old` now, and /etc/hostname says `srv1`");
    for text in ["localhost\n", "\n", "# nothing\n"] {
        let none = told(json!({ "ops": [{ "set": "/old/files/~1etc~1hostname", "to": text }] }));
        assert_eq!(demanded(&none).hostname, "", "{text:?}");
        none.finds("R1030", "does not say it");
    }
    // what the plan calls the rescue system is md's affair
    let other = told(json!({ "plan_sub": [["hostname: srv1", "hostname: srv9"]] }));
    assert_eq!(demanded(&other).hostname, "srv1");
}

#[test]
fn a_mount_that_was_made_by_hand_is_not_demanded() {
    let fstab = "/old/files/~1etc~1fstab";
    let var = "/dev/mapper/vg0-var /var xfs";
    let targets = |world: &World| demanded(world).mounts.into_iter().map(|(target, _)| target).collect::<Vec<_>>();
    assert_eq!(targets(&told(json!({}))), ["/", "/boot", "/var"]);
    let gone = json!({ "sub": fstab, "from": var, "to": format!("# {var}") });
    let by_hand = told(json!({ "ops": [gone] }));
    assert_eq!(targets(&by_hand), ["/", "/boot"]);
    by_hand.finds("R1031", "/var (/dev/mapper/vg0-var) is mounted on old");
    // a mount unit is as good as a line
    let unit = told(json!({ "ops": [gone, { "set": "/old/mount_units", "to": ["var.mount"] }] }));
    assert_eq!(targets(&unit), ["/", "/boot", "/var"]);
    unit.may_go();
    assert_eq!(unit.of_code("R1031"), []);
    let waits = told(json!({ "ops": [{ "sub": fstab, "from": var, "to": format!("{var} noauto,") }] }));
    assert_eq!(targets(&waits), ["/", "/boot"]);
}

#[test]
fn a_unit_that_was_started_by_hand_is_not_demanded() {
    assert_eq!(demanded(&told(json!({}))).units, ["rec.service"]);
    let world = told(json!({ "ops": [{ "set": "/old/disabled", "to": ["rec.service"] }] }));
    assert_eq!(demanded(&world).units, [""; 0]);
    world.finds("R1032", "`rec.service` runs on old, and is disabled");
    // it is stopped all the same
    assert!(world.shown("stop-services").contains("rec.service"));
    let instance = told(json!({ "plan_sub": [["rec.service", "rec@a.service"]], "ops": [
        { "set": "/old/disabled", "to": ["rec@.service"] }, { "push": "/old/services", "to": "rec@a.service" }] }));
    assert_eq!(demanded(&instance).units, [""; 0]);
}

// ---- names of cards -----------------------------------------------------------------------------------------------------

#[test]
fn our_link_file_fits_the_card_and_not_what_stands_on_it() {
    let world = World::of("vlan-link");
    let shown = world.shown("keep-card-name");
    assert!(shown.contains("PermanentMACAddress=52:54:00:77:00:22"), "{shown}");
    assert!(shown.contains("Name=ens3"), "{shown}");
    // as do the remedies
    let more = json!({ "name": "ens8", "mac": "52:54:00:77:00:32", "up": true, "addresses": ["10.9.0.1/24"],
        "drivers": ["virtio_net"], "physical": true });
    let world = told(json!({ "ops": [{ "push": "/old/interfaces", "to": more }] }));
    let hit = world.finds("R1402", "ens8");
    assert!(hit.help.contains("PermanentMACAddress="), "{hit:?}");
}

/// In a bond every card goes by one address; at the next boot it has its own again.
#[test]
fn the_cards_own_address_counts() {
    let bond = r#""address":"52:54:00:77:00:22","permaddr":"52:54:00:77:00:99""#;
    let world = told(json!({ "new": { "interfaces": { "sub": [[r#""address":"52:54:00:77:00:22""#, bond]] } } }));
    let shown = world.shown("keep-card-name");
    assert!(shown.contains("=52:54:00:77:00:99") && !shown.contains("=52:54:00:77:00:22"), "{shown}");
}

#[test]
fn a_system_that_names_cards_by_rules_gets_a_rule() {
    let world = World::of("names-udev");
    let rule = r#"ATTR{address}=="52:54:00:77:00:22", NAME="lan0""#;
    let shown = |world: &World, id: &str| world.shown(id).replace("\\\"", "\"");
    // the file with old's card is made one with new's
    let persistent = shown(&world, "persistent-net");
    assert!(persistent.contains(rule) && persistent.contains(r#"DRIVERS=="?*""#), "{persistent}");
    assert!(shown(&world, "keep-card-name").contains("10-replant.link"));
    // masked: a .link file would never be read
    let mask = "/old/files/~1etc~1udev~1rules.d~180-net-setup-link.rules";
    for text in ["", "# nothing\n"] {
        let mut row: Value =
            serde_json::from_str(&std::fs::read_to_string("tests/field/names-udev.json").unwrap()).unwrap();
        row["ops"].as_array_mut().unwrap().push(json!({ "set": mask, "to": text }));
        let world = told(row.clone());
        world.finds("R1413", "keeps udev on old from reading .link files");
        world.may_go();
        let keep = shown(&world, "keep-card-name");
        assert!(keep.contains("70-replant-net.rules") && keep.contains(rule), "{keep}");
        // remedies are rules, too
        row["ops"].as_array_mut().unwrap().push(json!({ "push": "/new/interfaces", "to": {
            "name": "lan0", "mac": "52:54:00:77:00:32", "up": false, "addresses": [], "drivers": [], "physical": true } }));
        let help = told(row).finds("R1405", "may hold the name lan0").help;
        assert!(help.contains("/etc/udev/rules.d/") && !help.contains(".link"), "{help}");
    }
    // a copy of the rule that does look at them
    let copy = "SUBSYSTEM!=\"net\", GOTO=\"x\"\nIMPORT{builtin}=\"net_setup_link\"\n";
    assert_eq!(told(json!({ "ops": [{ "set": mask, "to": copy }] })).of_code("R1413"), []);
    // of other cards only: nothing of it is of use on new
    let other = told(json!({ "ops": [{ "set": "/old/files/~1etc~1udev~1rules.d~170-persistent-net.rules",
        "to": "ATTR{address}==\"52:54:00:aa:00:01\", NAME=\"dmz0\"\n" }] }));
    assert!(other.shown("persistent-net").contains("no-file"), "{}", other.shown("persistent-net"));
}

/// One that names a card by its place may give its name to another on new.
#[test]
fn rules_that_name_cards_by_their_place_are_found() {
    let with =
        |rule: &str| told(json!({ "ops": [{ "set": "/old/files/~1etc~1udev~1rules.d~160-net.rules", "to": rule }] }));
    for rule in [
        "SUBSYSTEM==\"net\", ACTION==\"add\", KERNELS==\"0000:03:00.0\", NAME=\"ens3\"\n",
        "SUBSYSTEM==\"net\",ENV{ID_PATH}==\"pci-0000:03:00.0\",NAME:=\"ens3\"\n",
        "SUBSYSTEM==\"net\", KERNEL==\"eth0\", NAME=\"ens3\"\n",
        "SUBSYSTEM==\"net\", DRIVERS==\"igb\", NAME = \"ens3\"\n",
    ] {
        assert!(with(rule).finds("R1409", "60-net.rules names a card by something else").stops(), "{rule}");
    }
    for rule in [
        "# SUBSYSTEM==\"net\", KERNELS==\"0000:03:00.0\", NAME=\"ens3\"\n",
        "SUBSYSTEM==\"net\", KERNELS==\"0000:03:00.0\", RUN+=\"/usr/local/bin/tune\"\n",
        "SUBSYSTEM==\"block\", KERNELS==\"0000:03:00.0\", SYMLINK+=\"data\"\n",
        "SUBSYSTEM==\"net\", NAME==\"ens3\", RUN+=\"/usr/local/bin/tune\"\n",
    ] {
        assert_eq!(with(rule).of_code("R1409"), [], "{rule}");
    }
}

/// A line of the network's configuration, as the facts have it.
fn card_line(path: &str, key: &str, value: &str) -> World {
    told(
        json!({ "ops": [{ "set": "/old/card_lines", "to": [{ "path": path, "line": 3, "key": key, "value": value }] }] }),
    )
}

#[test]
fn configurations_by_place_and_driver_are_found() {
    let network = "/etc/systemd/network/lan.network";
    assert!(card_line(network, "path", "pci-0000:02:00.0").finds("R1409", "`path: pci-0000:02:00.0`").stops());
    // the lab's cards have the same driver
    assert_eq!(card_line(network, "driver", "virtio*").of_code("R1409"), []);
    assert_eq!(card_line(network, "driver", "e1000*").of_code("R1409"), []);
    let mut other = card_line("/etc/netplan/a.yaml", "driver", "virtio_net");
    other.facts.new.interfaces.iter_mut().for_each(|card| card.drivers = vec!["ixgbe".into()]);
    assert!(other.finds("R1409", "`driver: virtio_net`").stops());
    assert_eq!(card_line("/etc/systemd/network/a.link", "path", "pci-0000:02:00.0").of_code("R1409"), []);
}

fn mac(path: &str, key: &str, section: &str) -> World {
    let line = json!({ "path": path, "line": 3, "key": key, "mac": "52:54:00:77:00:21", "section": section });
    told(json!({ "ops": [{ "set": "/old/macs", "to": [line] }] }))
}

#[test]
fn every_spelling_of_a_mac_address_is_found() {
    for (path, key, section) in [
        ("/etc/netplan/a.yaml", "macaddress", ""),
        ("/etc/systemd/network/a.network", "MACAddress", "Match"),
        ("/etc/systemd/network/a.network", "PermanentMACAddress", "Match"),
        ("/etc/NetworkManager/system-connections/a.nmconnection", "mac-address", "ethernet"),
        ("/etc/network/interfaces", "rename", ""),
    ] {
        assert!(mac(path, key, section).finds("R1403", path).stops(), "{path} {key}");
    }
    for text in ["ro ifname=lan0:52:54:00:77:00:21\n", "BOOTIF=01-52-54-00-77-00-21\n"] {
        let world = told(json!({ "ops": [{ "set": "/old/files/~1proc~1cmdline", "to": text }] }));
        world.finds("R1403", "/proc/cmdline binds the network");
    }
    for (path, key, section) in [
        ("/etc/network/interfaces", "hwaddress", ""),
        ("/etc/systemd/network/a.network", "MACAddress", "Link"),
        ("/etc/systemd/network/br0.netdev", "MACAddress", "NetDev"),
        ("/etc/NetworkManager/system-connections/a.nmconnection", "cloned-mac-address", "ethernet"),
    ] {
        let world = mac(path, key, section);
        assert!(!world.finds("R1415", path).stops(), "{path} {key}");
        assert_eq!(world.of_code("R1403"), [], "{path} {key}");
    }
}

#[test]
fn a_link_file_that_comes_first_is_looked_into() {
    let with = |path: &str, text: &str| {
        let file = format!("/old/files/{}", path.replace('/', "~1"));
        let mac = text.contains("52:54").then(|| {
            json!({ "push": "/old/macs", "to": { "path": path, "line": 2, "key": "MACAddress",
                "mac": "52:54:00:77:00:22", "section": "Match" } })
        });
        let mut ops = vec![json!({ "set": file, "to": text }), json!({ "push": "/old/link_files", "to": path })];
        ops.extend(mac);
        told(json!({ "ops": ops }))
    };
    let netplan = "/run/systemd/network/10-netplan-lan.link";
    for text in [
        "[Match]\nOriginalName=*\n[Link]\nMTUBytes=9000\n",
        "[Match]\n[Link]\nWakeOnLan=off\n",
        "[Match]\nDriver=virtio*\n[Link]\nName=lan0\n",
        "[Match]\nType=ether\n[Link]\nNamePolicy=path\n",
        "[Match]\nPath=pci-0000:00:03.0\n[Link]\nName=lan0\n",
    ] {
        with(netplan, text).finds("R1404", netplan);
    }
    for text in [
        "[Match]\nDriver=bnx2x\n[Link]\nName=lan0\n",
        "[Match]\nDriver=!virtio*\n[Link]\nName=lan0\n",
        "[Match]\nOriginalName=ens3\n[Link]\nMTUBytes=9000\n",
        "[Match]\nType=wlan\n[Link]\nName=w0\n",
        "[Match]\nMACAddress=52:54:00:77:00:22\n[Link]\nName=ens3\n",
    ] {
        assert_eq!(with(netplan, text).of_code("R1404"), [], "{text}");
    }
    assert_eq!(with("/run/systemd/network/70-netplan.link", "[Match]\n").of_code("R1404"), []);
}

#[test]
fn a_card_that_cannot_be_told_by_its_address_is_found() {
    let random = told(json!({ "ops": [{ "set": "/new/interfaces/1/random_mac", "to": true }] }));
    assert!(random.finds("R1414", "made up by the kernel").stops());
    let twin = json!({ "name": "eth1", "mac": "52:54:00:77:00:22", "up": true, "addresses": [], "drivers": ["mlx5_core"],
        "physical": true });
    let twins = told(json!({ "ops": [{ "push": "/new/interfaces", "to": twin }] }));
    assert!(twins.finds("R1414", "eth0 and eth1 have the same MAC address").stops());
}
