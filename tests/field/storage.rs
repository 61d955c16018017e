//! Rows about disks, volumes, file systems and their names.

use super::world::World;

/// The lab itself is such a row, with nothing changed.
#[test]
fn the_lab_may_go() {
    let world = World::told(&serde_json::json!({})).unwrap();
    world.may_go();
    assert_eq!(world.of_code("R1311"), []);
    world.finds_nothing();
    assert!(world.shown("read-only-root").contains("\"target\":\"/\""));
}
