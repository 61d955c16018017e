//! JSON byte for byte as `serde_json::to_writer_pretty` has it, where a line begins with one write: there it takes one for
//! each level of indentation, and of the preview of ten thousand volumes that is a quarter of the time (`benches/scale.rs`).

use std::io::{Result, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Errors are those of the writer, and of values that are no JSON.
pub fn write(to: &mut impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(to, Pretty { line: b"\n".to_vec(), filled: false }))
}

struct Pretty {
    /// the beginning of a line
    line: Vec<u8>,
    /// what is to be closed has something in it
    filled: bool,
}

impl Pretty {
    fn open<W: Write + ?Sized>(&mut self, to: &mut W, sign: &[u8]) -> Result<()> {
        self.line.extend(b"  ");
        self.filled = false;
        to.write_all(sign)
    }

    fn next<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> Result<()> {
        if !first {
            to.write_all(b",")?;
        }
        to.write_all(&self.line)
    }

    fn close<W: Write + ?Sized>(&mut self, to: &mut W, sign: &[u8]) -> Result<()> {
        self.line.truncate(self.line.len() - 2);
        if self.filled {
            to.write_all(&self.line)?;
        }
        self.filled = true;
        to.write_all(sign)
    }
}

impl Formatter for Pretty {
    fn begin_array<W: Write + ?Sized>(&mut self, to: &mut W) -> Result<()> {
        self.open(to, b"[")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> Result<()> {
        self.next(to, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> Result<()> {
        self.filled = true;
        Ok(())
    }

    fn end_array<W: Write + ?Sized>(&mut self, to: &mut W) -> Result<()> {
        self.close(to, b"]")
    }

    fn begin_object<W: Write + ?Sized>(&mut self, to: &mut W) -> Result<()> {
        self.open(to, b"{")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> Result<()> {
        self.next(to, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> Result<()> {
        to.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> Result<()> {
        self.filled = true;
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, to: &mut W) -> Result<()> {
        self.close(to, b"}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::write;

    #[test]
    fn as_serde_json_prints_it() {
        let nothing: [Value; 3] = [json!([]), json!({}), json!(null)];
        let deep =
            json!({ "a": [1, [], [2.5, "\"\n"], {}], "b": { "c": { "d": [[[{ "e": [] }]]] } }, "f": {}, "g": [{}] });
        for value in nothing.into_iter().chain([deep]) {
            let mut text = Vec::new();
            write(&mut text, &value).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}
