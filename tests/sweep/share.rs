//! Which of all faults a run of the tests tries.

use std::io::Write;
use std::time::Instant;

/// The first place and every so-manieth after it. Faults are many and a migration is long: an ordinary run tries each
/// `usual`-th, `SWEEPS=all` eighteen times as many, `SWEEP_STRIDE=1` all; `SWEEP_FIRST=n` begins elsewhere.
pub fn stride(usual: usize) -> (usize, usize) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let many = std::env::var("SWEEPS").is_ok_and(|sweeps| sweeps == "all");
    let every = number("SWEEP_STRIDE").unwrap_or(if many { usual / 18 } else { usual }).max(1);
    (number("SWEEP_FIRST").unwrap_or(0) % every, every)
}

/// One share of four: libtest runs them beside each other.
pub fn share(part: usize, usual: usize) -> (usize, usize) {
    let (first, every) = stride(usual);
    (first + part * every, every * 4)
}

/// Says how many cases there were, and in which time.
pub fn told(what: &str, sweep: impl FnOnce() -> usize) {
    let start = Instant::now();
    let cases = sweep();
    // past libtest, which keeps what a test prints to itself
    let _ = writeln!(std::io::stderr(), "{what}: {cases} cases in {:.1} s", start.elapsed().as_secs_f64());
    assert!(cases > 0, "{what}: a sweep of nothing shows nothing");
}

/// What it hands back, or what it said when it panicked: the other places are tried all the same.
pub fn caught<T>(tried: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(tried)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
    })
}
