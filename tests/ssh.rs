//! The real transport, against a real sshd on loopback. Each danger that was once met in practice is held by a test.

#[path = "ssh/acts.rs"]
mod acts;
#[path = "ssh/dead_man.rs"]
mod dead_man;
#[path = "ssh/init.rs"]
mod init;
#[path = "ssh/keys.rs"]
mod keys;
#[path = "ssh/links.rs"]
mod links;
#[path = "ssh/logins.rs"]
mod logins;
#[path = "ssh/looks.rs"]
mod looks;
#[path = "made/mod.rs"]
mod made;
#[path = "ssh/power.rs"]
mod power;
#[path = "ssh/server.rs"]
mod server;
#[path = "ssh/way.rs"]
mod way;
