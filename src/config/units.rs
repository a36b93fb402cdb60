//! Times and sizes as people write them: `"90s"`, `"1h30m"`, `"30d"`; `"64MiB"`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time written as whole numbers with units: `ms`, `s`, `m`, `h`, `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(pub(crate) Duration);

impl Period {
    pub(crate) const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    pub(crate) const fn minutes(count: u64) -> Self {
        Self::seconds(count * 60)
    }

    pub(crate) const fn hours(count: u64) -> Self {
        Self::minutes(count * 60)
    }

    pub(crate) const fn days(count: u64) -> Self {
        Self::hours(count * 24)
    }
}

/// Largest unit first, in milliseconds, so that printing takes the largest that fits.
const TIME_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is not a length of time; write a number and a unit, like \"90s\", \"15m\", \"1h30m\", \"30d\""
            )
        };
        let mut rest = text.trim();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
            let (unit, after) = split_where(after, |c| !c.is_ascii_alphabetic());
            let (_, factor) = TIME_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor));
            total = part.and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            rest = after;
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // The largest unit that divides it, as people write it: "90s", "24h", "30d".
        let fits = |(name, factor): &&(&str, u64)| {
            millis.is_multiple_of(*factor) && (*name != "d" || millis > *factor)
        };
        match TIME_UNITS.iter().find(fits) {
            Some((unit, factor)) if millis > 0 => write!(f, "{}{unit}", millis / factor),
            _ => f.write_str("0s"),
        }
    }
}

/// A number of bytes written with a binary unit: `B`, `KiB`, `MiB`, `GiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

impl Size {
    pub(crate) const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    pub(crate) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is not a size; write a number and B, KiB, MiB or GiB, like \"64MiB\"");
        let (number, unit) = split_where(text.trim(), |c| !c.is_ascii_digit());
        let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(wrong)?;
        number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = SIZE_UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// `text` up to the first character that `ends` accepts, and the rest.
fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

macro_rules! as_text {
    ($($name:ident: $expecting:literal),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                from.deserialize_str(Text)
            }
        }
    )*};
}

as_text! {
    Period: "a length of time in quotes, like \"90s\", \"15m\", \"1h\", \"30d\"",
    Size: "a size in quotes, like \"64KiB\", \"64MiB\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, Period, Size};

    #[test]
    fn periods_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Period>().map(|p| p.0.as_millis());
        assert_eq!(read("90s"), Ok(90_000));
        assert_eq!(read("15m"), Ok(900_000));
        assert_eq!(read("1h30m"), Ok(5_400_000));
        assert_eq!(read("30d"), Ok(2_592_000_000));
        assert_eq!(read("250ms"), Ok(250));
        assert_eq!(read("0s"), Ok(0));
        for wrong in [
            "",
            "90",
            "s",
            "-1s",
            "1.5h",
            "1 h",
            "1y",
            "1M",
            "99999999999999999999s",
            "18446744073709551615d",
            "1h\0",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Size>().map(|s| s.0);
        assert_eq!(read("64MiB"), Ok(64 << 20));
        assert_eq!(read("8 KiB"), Ok(8 << 10));
        assert_eq!(read("0B"), Ok(0));
        for wrong in ["", "64", "64MB", "64mib", "-1KiB", "18446744073709551615GiB", "1.5GiB"] {
            assert!(read(wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(millis in 0..u64::MAX / 2, bytes: u64) {
            let period = Period(Duration::from_millis(millis));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }

        #[test]
        fn nothing_makes_the_readers_panic(text in ".{0,40}") {
            let _ = text.parse::<Period>();
            let _ = text.parse::<Size>();
        }
    }
}
