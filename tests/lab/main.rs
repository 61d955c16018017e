//! The lab: two real machines on one. It builds an old server that boots from its own disks and a new one in rescue,
//! lets `replant` migrate between them, and looks at what came of it from outside.
//!
//! `tests/lab/run` prepares this machine and starts it; see `HELP` for what it can do.

mod accelerator;
mod apt_repo;
mod checks;
mod image;
mod machine;
mod net;
mod pair;
mod picture;
mod recipe;
mod replant;
mod say;
mod scenarios;
mod shell;
mod witness;
mod workspace;

use machine::Machine;
use pair::Pair;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use workspace::Lab;

/// Whatever went wrong, in words.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Leaves the function with an error in words.
#[macro_export]
macro_rules! fail {
    ($($words:tt)*) => { return Err(format!($($words)*).into()) };
}

const HELP: &str = "\
tests/lab/run [SCENARIO...]          run scenarios (all of them if none is named)
tests/lab/run list                   what scenarios and pairs there are
tests/lab/run build                  build the images and stop
tests/lab/run up [--pair full|free] [--rescue tgt|lio]
                                     boot a pair and leave it running
tests/lab/run ssh old|new [COMMAND]  on the pair that `up` left
tests/lab/run cable old|new in|out   plug or pull a network cable
tests/lab/run checkpoint save|restore NAME
tests/lab/run down                   switch it off and remove it";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Fallible<u8> {
    let by_hand = |lab: &Lab| Pair::load(&lab.pair("by-hand"));
    match words {
        ["help" | "--help" | "-h"] => println!("{HELP}"),
        ["list"] => {
            scenarios::ALL.iter().for_each(|scenario| println!("{:24}{}", scenario.name, scenario.about));
            recipe::OLD_SERVERS.iter().for_each(|old| println!("--pair {:17}{}", old.name, old.about));
        }
        ["build"] => drop(image::ensure(&Lab::open()?)?),
        ["up", options @ ..] => {
            let option = |name: &str, default: &'static str| {
                options
                    .iter()
                    .position(|word| *word == name)
                    .and_then(|at| options.get(at + 1))
                    .map_or(default, |value| value)
            };
            let pair = Pair::create(&Lab::open()?, "by-hand", option("--pair", "full"), option("--rescue", "tgt"))?;
            pair.boot()?;
            println!("{}", pair.about());
        }
        ["ssh", server, rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
            let pair = by_hand(&Lab::open()?)?;
            return Ok(u8::try_from(pair.guest_named(server)?.interactive(&rest)?).unwrap_or(255));
        }
        ["cable", server, way @ ("in" | "out")] => {
            by_hand(&Lab::open()?)?.machine_named(server)?.cable(*way == "in")?
        }
        ["checkpoint", "save", name] => by_hand(&Lab::open()?)?.save_checkpoint(name)?,
        ["checkpoint", "restore", name] => by_hand(&Lab::open()?)?.restore_checkpoint(name)?,
        ["down"] => Pair::remove(&Lab::open()?.pair("by-hand"))?,
        // These two are for the lab itself: the pair's own services, and the power switch that replant's plan names.
        ["serve", dir, packages] => pair::serve(Path::new(dir), PathBuf::from(packages))?,
        ["power", dir, server, what] => return power(&Machine::load(Path::new(dir), server)?, what),
        names => {
            if let Some(unknown) = names.iter().find(|name| scenarios::find(name).is_err()) {
                eprintln!("error: there is no command or scenario `{unknown}`\n\n{HELP}");
                return Ok(2);
            }
            return Ok(if scenarios::run(Lab::open()?, names)? { 0 } else { 1 });
        }
    }
    Ok(0)
}

/// The power switch, as a plan's `power: command:` sees it.
fn power(machine: &Machine, what: &str) -> Fallible<u8> {
    match what {
        "status" => println!("{}", if machine.is_on() { "on" } else { "off" }),
        "on" => machine.on()?,
        "off" => machine.off()?,
        "boot-disk" => machine.set_boot("disk")?,
        _ => fail!("the power switch knows status, on, off and boot-disk, not `{what}`"),
    }
    Ok(0)
}
