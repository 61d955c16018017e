use std::fmt::{Debug, Display};
use std::str::FromStr;

use replant::plan::{Bytes, Duration, Grow, Size};

fn read<T: FromStr<Err: Display> + Debug>(text: &str) -> String {
    match text.parse::<T>() {
        Ok(value) => format!("{value:?}"),
        Err(fault) => format!("{fault}"),
    }
}

#[test]
fn sizes() {
    assert_eq!(read::<Size>("512MiB"), "Bytes(536870912)");
    assert_eq!(read::<Size>("2TB"), "Bytes(2000000000000)");
    assert_eq!(read::<Size>("7B"), "Bytes(7)");
    assert_eq!(read::<Size>("rest"), "Rest");
    assert_eq!(read::<Size>("1Gib"), "has no unit `Gib`; did you mean `1GiB`?");
    assert_eq!(read::<Size>("1 GB"), "has a space before its unit; did you mean `1GB`?");
    assert_eq!(read::<Size>("512"), "has no unit; did you mean `512MiB`?");
    assert_eq!(read::<Size>("1G"), "could be binary or decimal; write `1GiB` (binary) or `1GB` (decimal)");
    assert_eq!(read::<Size>("4k"), "could be binary or decimal; write `4KiB` (binary) or `4kB` (decimal)");
    assert_eq!(read::<Size>("1.5GiB"), "is not a whole number; write `1536MiB`");
    assert_eq!(read::<Size>("100%"), "is not a size; for all that is left, write `rest`");
    assert!(read::<Size>("50%").starts_with("is a share, and sizes are exact"));
    assert!(read::<Size>("99999999999TiB").starts_with("is more than 16 EiB"));
    for junk in ["", "GiB", "-1GiB", "é", "1é", "1.2.3GiB", "0x10MiB", "٣GiB"] {
        assert!(junk.parse::<Size>().is_err(), "{junk}");
    }
}

#[test]
fn growth() {
    assert_eq!(read::<Grow>("rest"), "Rest");
    assert_eq!(read::<Grow>("+10GiB"), "By(10737418240)");
    assert_eq!(read::<Grow>("20GiB"), "To(21474836480)");
    assert!(read::<Grow>("-5GiB").starts_with("would shrink the volume"));
    assert!("+rest".parse::<Grow>().is_err());
}

#[test]
fn durations() {
    assert_eq!(read::<Duration>("5min"), "Duration(300)");
    assert_eq!(read::<Duration>("1h30min"), "Duration(5400)");
    assert_eq!(read::<Duration>("0s"), "Duration(0)");
    assert_eq!(read::<Duration>("5m"), "has no unit `m`; did you mean `5min`?");
    assert_eq!(read::<Duration>("5 minutes"), "has no unit `minutes`; did you mean `5min`?");
    assert_eq!(read::<Duration>("15 s"), "has a space before its unit; did you mean `15s`?");
    assert_eq!(read::<Duration>("1h 30min"), "has a space in it; did you mean `1h30min`?");
    assert_eq!(read::<Duration>("90"), "has no unit; write `90s` or `90min`");
    assert!(read::<Duration>("30min1h").starts_with("has its units out of order"));
    assert!("99999999999999999999d".parse::<Duration>().is_err());
    assert!("".parse::<Duration>().is_err());
}

#[test]
fn what_is_printed_can_be_read_again() {
    for bytes in [0, 1, 1000, 1024, 536870912, 1_000_000_000, u64::MAX, 3 << 40] {
        assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
    }
    for seconds in [0, 59, 60, 3661, 90_061] {
        let duration = Duration::from_secs(seconds);
        assert_eq!(duration.to_string().parse(), Ok(duration));
    }
}
