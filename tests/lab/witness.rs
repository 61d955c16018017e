//! The outside observer: it writes down when each acknowledgement of the guest's records arrived, and from which machine.

use crate::{Fallible, fail, net};
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const PORT: u16 = 9999;
pub const LOG: &str = "acks.log";

/// One acknowledgement: the record is on disk, says the machine with this network card.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    /// Seconds since 1970, by the clock of the machine that runs the lab.
    pub at: f64,
    pub number: u64,
    pub card: String,
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// Listens for ever; each message becomes a line: time, then the message.
pub fn listen(dir: &Path) -> Fallible<()> {
    let socket = UdpSocket::bind((net::LAB, PORT))?;
    let mut log = fs_err::OpenOptions::new().create(true).append(true).open(dir.join(LOG))?;
    let mut buffer = [0; 512];
    loop {
        let length = socket.recv(&mut buffer)?;
        writeln!(log, "{:.3} {}", now(), String::from_utf8_lossy(&buffer[..length]).trim())?;
    }
}

/// The acknowledgements so far, in the order in which they arrived.
pub fn acks(dir: &Path) -> Vec<Ack> {
    let text = std::fs::read_to_string(dir.join(LOG)).unwrap_or_default();
    text.lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Ack> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    if words.next()? != "ACK" {
        return None;
    }
    Some(Ack { at, number: words.next()?.parse().ok()?, card: words.next()?.to_string() })
}

/// Waits until a machine acknowledges a record after `since`.
pub fn wait_for(dir: &Path, card: &str, since: f64, limit: Duration) -> Fallible<Ack> {
    let began = std::time::Instant::now();
    loop {
        if let Some(ack) = acks(dir).into_iter().find(|ack| ack.card == card && ack.at > since) {
            return Ok(ack);
        }
        if began.elapsed() > limit {
            fail!("no record was acknowledged by {card} within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The time between the last acknowledgement of one machine and the first of the other after it, and both numbers.
pub fn handover(acks: &[Ack], from: &str, to: &str) -> Option<(f64, u64, u64)> {
    let last = acks.iter().rposition(|ack| ack.card == from)?;
    let first = acks[last..].iter().find(|ack| ack.card == to)?;
    Some((first.at - acks[last].at, acks[last].number, first.number))
}

/// The longest silence between two moments.
pub fn longest_silence(acks: &[Ack], from: f64, to: f64) -> f64 {
    let within = acks.iter().map(|ack| ack.at).filter(|at| *at > from && *at < to);
    let moments: Vec<f64> = std::iter::once(from).chain(within).chain(std::iter::once(to)).collect();
    moments.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}
