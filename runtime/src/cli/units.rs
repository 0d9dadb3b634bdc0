//! What people write on a command line: times, sizes, names with values.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

/// A duration as people write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration(text).ok_or_else(|| format!("`{text}` is no time such as `7d`, `1h 30m`, `30s` or `500ms`"))
}

/// A number of bytes as people write it.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    crate::config::bytes(text).ok_or_else(|| format!("`{text}` is no size such as `512MB`, `4GiB` or `1000000`"))
}

/// A name and a value.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not `NAME=VALUE`")),
    }
}

/// A name and a number.
pub(super) fn counted(text: &str) -> Result<(String, usize), String> {
    let (name, number) = pair(text)?;
    let number = number.parse().map_err(|_| format!("`{number}` is no number of steps"))?;
    Ok((name, number))
}

/// How grave what is traced has to be.
pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| format!("`{text}` is none of `off`, `error`, `warn`, `info`, `debug` and `trace`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(duration("90m").unwrap(), Duration::from_mins(90));
        assert_eq!(duration("7d").unwrap(), Duration::from_hours(168));
        assert_eq!(duration("1d 12h").unwrap(), Duration::from_hours(36));
        assert_eq!(duration("1h 30m").unwrap(), Duration::from_mins(90));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        for wrong in ["", "7", "d", "7mo", "-1d", "99999999999999999999d", "1ü"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes("4GiB").unwrap(), 4 << 30);
        assert_eq!(bytes("1TiB").unwrap(), 1 << 40);
        assert_eq!(bytes("1.5GB").unwrap(), 1_500_000_000);
        assert_eq!(bytes("512 MB").unwrap(), 512_000_000);
        assert_eq!(bytes("17").unwrap(), 17);
        for wrong in ["", "GiB", "4gigs", "1.5", "1.GB", ".5GB", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pair("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(pair("=b").is_err() && pair("a").is_err());
        assert_eq!(counted("api=3").unwrap(), ("api".to_owned(), 3));
    }
}
