//! The service that must not lose anything, as it runs inside the guest. One file, no dependencies, linked statically.
//!
//!   witness write FILE HOST:PORT   append numbered records; acknowledge each by UDP, but only after its fdatasync
//!   witness verify FILE            read them all back; JSON on stdout; exit 1 if one is bad, missing or torn
//!
//! A record is 512 bytes: `R <number> `, filling, at byte 500 the CRC-32 of the first 500 in hexadecimal, and a newline.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::net::UdpSocket;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const SIZE: usize = 512;
const SUM: usize = 500;
const PAUSE: Duration = Duration::from_millis(50);

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut crc: u32, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1));
        }
        crc
    })
}

fn record(number: u64) -> [u8; SIZE] {
    let mut record = [b'.'; SIZE];
    let head = format!("R {number} ");
    record[..head.len()].copy_from_slice(head.as_bytes());
    let sum = format!("{:08x}", crc32(&record[..SUM]));
    record[SUM..SUM + 8].copy_from_slice(sum.as_bytes());
    record[SIZE - 1] = b'\n';
    record
}

/// The number of a record that is whole.
fn number(bytes: &[u8]) -> Option<u64> {
    let number = std::str::from_utf8(&bytes[2..]).ok()?.split(' ').next()?.parse().ok()?;
    (bytes == record(number)).then_some(number)
}

/// The address of the network card says which machine is speaking: old and new answer to the same name and address.
fn card() -> String {
    let cards = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut addresses: Vec<String> = cards
        .filter(|card| card.file_name() != "lo")
        .filter_map(|card| std::fs::read_to_string(card.path().join("address")).ok())
        .collect();
    addresses.sort();
    addresses.first().map_or_else(|| "unknown".into(), |address| address.trim().into())
}

fn write(path: &str, listener: &str) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut at = file.metadata()?.len() / SIZE as u64 * SIZE as u64;
    let mut last = 0;
    if at > 0 {
        let mut bytes = [0; SIZE];
        file.read_exact_at(&mut bytes, at - SIZE as u64)?;
        last = number(&bytes).ok_or_else(|| std::io::Error::other("the last record is damaged"))?;
    }
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let card = card();
    loop {
        let next = last + 1;
        let message = match file.write_all_at(&record(next), at).and_then(|()| file.sync_data()) {
            Ok(()) => {
                (last, at) = (next, at + SIZE as u64);
                format!("ACK {next} {card}")
            }
            Err(error) => {
                eprintln!("record {next}: {error}");
                std::thread::sleep(Duration::from_secs(1));
                format!("ERR {next} {card}")
            }
        };
        let _ = socket.send_to(message.as_bytes(), listener);
        std::thread::sleep(PAUSE);
    }
}

fn verify(path: &str) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let records = bytes.chunks_exact(SIZE);
    let torn = records.remainder().len();
    let (mut count, mut bad, mut gaps, mut first, mut last) = (0u64, 0u64, 0u64, None, None);
    for bytes in records {
        count += 1;
        match number(bytes) {
            None => bad += 1,
            Some(number) => {
                first = first.or(Some(number));
                if last.is_some_and(|last: u64| last + 1 != number) {
                    gaps += 1;
                }
                last = Some(number);
            }
        }
    }
    println!(
        r#"{{"records":{count},"first":{},"last":{},"bad":{bad},"gaps":{gaps},"torn_bytes":{torn}}}"#,
        first.unwrap_or(0),
        last.unwrap_or(0)
    );
    Ok(bad == 0 && gaps == 0 && torn == 0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["write", path, listener] => write(path, listener).map(|()| true),
        ["verify", path] => verify(path),
        _ => Err(std::io::Error::other("usage: witness write FILE HOST:PORT | verify FILE")),
    };
    match outcome {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(error) => {
            eprintln!("witness: {error}");
            std::process::exit(2);
        }
    }
}
