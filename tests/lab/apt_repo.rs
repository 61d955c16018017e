//! The package mirror on the bridge: plain files over HTTP, as much of it as apt needs.

use crate::{Fallible, net};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};

pub const PORT: u16 = 8080;

/// Serves the directory for ever.
pub fn serve(root: &Path) -> Fallible<()> {
    let listener = TcpListener::bind((net::LAB, PORT))?;
    for stream in listener.incoming().flatten() {
        let root = root.to_path_buf();
        std::thread::spawn(move || answer(stream, &root));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, root: &Path) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, body) = match file(root, path).and_then(|file| std::fs::read(file).ok()) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", Vec::new()),
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len())?;
        if method != "HEAD" {
            stream.write_all(&body)?;
        }
    }
}

/// The file that a request path means; nothing outside the directory.
fn file(root: &Path, path: &str) -> Option<PathBuf> {
    let decoded = path
        .replace("%3a", ":")
        .replace("%3A", ":")
        .replace("%2b", "+")
        .replace("%2B", "+")
        .replace("%7e", "~")
        .replace("%7E", "~");
    let parts = Path::new(&decoded).components();
    let inside: PathBuf = parts.filter(|part| !matches!(part, Component::RootDir | Component::CurDir)).collect();
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| root.join(inside))
}
