//! The network of one pair: a namespace with a bridge and one tap for each machine. There is no way out of it.

use crate::Fallible;
use crate::shell::{attempt, run};

/// The lab's own address on the bridge: the witness listens here and the package mirror serves from here.
pub const LAB: &str = "10.77.0.1";
/// The address of the old server, and of the new one once it has taken over.
pub const OLD: &str = "10.77.0.21";
/// The address of the new server in its rescue system.
pub const NEW: &str = "10.77.0.22";

/// The network card of old and of new: how a packet, or a record, tells the two apart when they share an address.
pub const OLD_CARD: &str = "52:54:00:77:00:21";
pub const NEW_CARD: &str = "52:54:00:77:00:22";

/// Makes the namespace afresh.
pub fn create(namespace: &str) -> Fallible<()> {
    destroy(namespace)?;
    run(&["ip", "netns", "add", namespace])?;
    let within = |words: &str| {
        let mut argv = vec!["ip", "-n", namespace];
        argv.extend(words.split(' '));
        run(&argv).map(drop)
    };
    within("link set lo up")?;
    within("link add br0 type bridge")?;
    within(&format!("addr add {LAB}/24 dev br0"))?;
    within("link set br0 up")?;
    for tap in ["old", "new"] {
        within(&format!("tuntap add {tap} mode tap"))?;
        within(&format!("link set {tap} master br0 up"))?;
    }
    Ok(())
}

/// Takes the namespace away, if it is there.
pub fn destroy(namespace: &str) -> Fallible<()> {
    if exists(namespace)? {
        run(&["ip", "netns", "delete", namespace])?;
    }
    Ok(())
}

pub fn exists(namespace: &str) -> Fallible<bool> {
    let list = attempt(&["ip", "netns", "list"])?.stdout;
    Ok(list.lines().any(|line| line.split(' ').next() == Some(namespace)))
}
