//! Sizes in bytes, with a unit: `512MB`, `1.5GiB`. `config/units.rs` in the runtime reads them for the file and the command line.

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The units, for messages.
pub(super) fn units() -> String {
    let names = UNITS.map(|(name, _)| format!("`{name}`"));
    let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (last, others));
    format!("{} or {last}", others.join(", "))
}

/// The bytes, without a part of one.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    // Parsing alone would take none of them, and more than fit.
    let tenths = 10_u128.pow(u32::try_from(decimals.len()).ok().filter(|digits| (1..=12).contains(digits))?);
    let bytes = whole.parse::<u64>().ok()?.checked_mul(*unit)?;
    let rest = decimals.parse::<u128>().ok()? * u128::from(*unit) / tenths;
    bytes.checked_add(u64::try_from(rest).ok()?)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_exact() {
        let right = [
            ("0B", 0),
            ("512MB", 512_000_000),
            ("2GiB", 2 << 30),
            ("1.5 GiB", 3 << 29),
            ("0.1KB", 100),
            ("1.0005KB", 1_000),
            ("3TiB", 3 << 40),
            ("16777215.999999999999TiB", 18_446_744_073_709_551_614),
        ];
        for (text, expected) in right {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "2", "GiB", "2gib", "2G", "-1B", "1.B", ".5GB", "1.2.3GB", "1,5GB", "+1B", " 1B", "16777216TiB", "1 GB "]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
