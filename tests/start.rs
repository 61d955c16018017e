//! What new's own initramfs is told: how it knows itself, which address it has, whom it tells. A machine that takes itself for
//! another boots half a copy, or never boots.

use replant::course;
use replant::facts::{self, Facts, Interface};
use replant::plan::{self, Method, NewBoot, Plan};
use replant::runbook::Node;
use replant::sim::Sim;
use replant::step::StepKind;

fn held(name: &str) -> (Plan, Facts) {
    let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
    (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
    let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
    (plan, facts)
}

fn nodes(plan: &Plan, facts: &Facts) -> Vec<Node> {
    course::make(plan, "digest", facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
}

/// The script in it, where these facts are so.
fn told(change: impl FnOnce(&mut Facts)) -> String {
    let (plan, mut facts) = held("lab");
    change(&mut facts);
    let script = nodes(&plan, &facts).into_iter().find_map(|node| match node.step {
        StepKind::HoldImage(image) => Some(image.files["local-top.sh"].0.clone()),
        _ => None,
    });
    script.expect("an image is made")
}

/// What stands before this in its line.
fn before<'t>(script: &'t str, end: &str) -> Option<&'t str> {
    script.lines().find_map(|line| line.trim().strip_suffix(end))
}

const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";
/// As kernels before 4.2 print it.
const SWAPPED: &str = "33221100-5544-7766-8899-aabbccddeeff";

#[test]
fn new_is_known_by_its_firmware_where_that_is_its_own() {
    let script = told(|facts| facts.new.machine = Some(UUID.into()));
    assert_eq!(before(&script, ") us=yes ;;"), Some(format!("{UUID} | {SWAPPED}").as_str()));
    // vendors give the same to many
    let script = told(|facts| {
        facts.new.machine = Some(UUID.into());
        facts.old.machine = Some(UUID.into());
    });
    assert!(!script.contains("us=yes") && !script.contains("product_uuid"), "{script}");
    let script = told(|facts| facts.new.machine = None);
    assert!(!script.contains("us=yes"), "{script}");
    // the same in either order
    let same = "11111111-1111-1111-8899-aabbccddeeff";
    let script = told(|facts| facts.new.machine = Some(same.into()));
    assert_eq!(before(&script, ") us=yes ;;"), Some(same));
}

#[test]
fn old_is_known_by_its_cards_and_by_nothing_that_others_make() {
    let script = told(|facts| {
        let virtual_one = |name: &str, mac: &str, physical| Interface {
            name: name.into(),
            mac: mac.into(),
            physical,
            ..Interface::default()
        };
        facts.old.interfaces.push(virtual_one("br0", "02:00:00:00:00:01", false));
        facts.old.interfaces.push(virtual_one("ib0", "", true));
        facts.old.interfaces.push(virtual_one("eth9", "02:00:00:00:00:0A", true));
    });
    let macs: Vec<&str> = before(&script, ") other=old ;;").expect("old has cards").split(" | ").collect();
    assert!(macs.len() >= 2 && macs.contains(&"02:00:00:00:00:0a"), "{macs:?}");
    assert!(!macs.contains(&"02:00:00:00:00:01"), "new may have a bridge of that name: {macs:?}");
    assert!(macs.iter().all(|mac| mac.len() == 17), "{macs:?}");
}

#[test]
fn it_has_the_address_of_the_rescue_system_with_its_network() {
    let script = told(|facts| {
        facts.new.gateways = vec!["fe80::1".into(), "10.77.0.1".into()];
        let service = facts.old.interfaces.iter_mut().find(|card| !card.addresses.is_empty()).unwrap();
        service.addresses.push("2001:db8::21/64".into());
    });
    assert!(script.contains("\nip address add 10.77.0.22/24 dev \"$card\" || alarm"), "{script}");
    assert!(script.contains("\nip route add default via 10.77.0.1 dev \"$card\" onlink\n"), "{script}");
    // whom it tells by ARP
    assert!(script.contains("ip address add 10.77.0.21/32"), "{script}");
    assert!(!script.contains("2001:db8"), "{script}");
    let script = told(|facts| facts.new.gateways = vec!["fe80::1".into()]);
    assert!(!script.contains("ip route add"), "{script}");
}

/// From the first tag on new boots, whoever looks after it: so all of its groups bear it, or it waits.
#[test]
fn it_goes_on_with_all_groups() {
    let (plan, facts) = held("two-groups");
    let nodes = nodes(&plan, &facts);
    let groups: Vec<String> = plan.volume_groups.iter().map(|group| group.name.to_string()).collect();
    assert_eq!(groups.len(), 2);
    let release = nodes.iter().find_map(|node| match &node.step {
        StepKind::OwnBoot(own) => own.held.clone(),
        _ => None,
    });
    assert_eq!(release.expect("it is let go on").groups, groups);
    for node in &nodes {
        if let StepKind::HoldImage(image) = &node.step {
            assert!(image.files["local-top.sh"].0.contains(&format!("\ngroups=\"{}\"\n", groups.join(" "))));
        }
    }
}
