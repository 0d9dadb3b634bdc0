//! Sentences that are built while a crate compiles, where nothing can be allocated.

use super::{ColumnDef, ColumnType, TimeUnit};

const CAPACITY: usize = 1024;

/// A text of limited length. What does not fit is left out.
pub(super) struct Text {
    bytes: [u8; CAPACITY],
    len: usize,
    parts: usize,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; CAPACITY], len: 0, parts: 0 }
    }

    pub(super) const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.len);
        // Texts are only ever added whole, so this is one.
        match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    #[must_use]
    pub(super) const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        if text.len() > CAPACITY - self.len {
            return self;
        }
        let (_, rest) = self.bytes.split_at_mut(self.len);
        let (place, _) = rest.split_at_mut(text.len());
        place.copy_from_slice(text);
        self.len += text.len();
        self
    }

    /// How often [`Text::with_part`] was called.
    pub(super) const fn parts(&self) -> usize {
        self.parts
    }

    /// Begins another part of an enumeration.
    #[must_use]
    pub(super) const fn with_part(self, text: &str) -> Self {
        let mut text = if self.parts > 0 { self.with(";").with(text) } else { self.with(text) };
        text.parts += 1;
        text
    }

    /// In backticks.
    #[must_use]
    pub(super) const fn with_name(self, name: &str) -> Self {
        self.with("`").with(name).with("`")
    }

    #[must_use]
    const fn with_number(self, number: u8) -> Self {
        const DIGITS: &str = "0123456789";
        let text = if number >= 10 { self.with_number(number / 10) } else { self };
        let (_, from) = DIGITS.split_at((number % 10) as usize);
        let (digit, _) = from.split_at(1);
        text.with(digit)
    }

    #[must_use]
    pub(super) const fn with_type(self, data_type: &ColumnType) -> Self {
        match data_type {
            ColumnType::Bool => self.with("Bool"),
            ColumnType::Int8 => self.with("Int8"),
            ColumnType::Int16 => self.with("Int16"),
            ColumnType::Int32 => self.with("Int32"),
            ColumnType::Int64 => self.with("Int64"),
            ColumnType::UInt8 => self.with("UInt8"),
            ColumnType::UInt16 => self.with("UInt16"),
            ColumnType::UInt32 => self.with("UInt32"),
            ColumnType::UInt64 => self.with("UInt64"),
            ColumnType::Float32 => self.with("Float32"),
            ColumnType::Float64 => self.with("Float64"),
            ColumnType::Text => self.with("Text"),
            ColumnType::Binary => self.with("Binary"),
            ColumnType::Date => self.with("Date"),
            ColumnType::Time => self.with("Time"),
            ColumnType::Datetime { unit, zone: None } => self.with("Datetime(").with(unit.name()).with(")"),
            ColumnType::Datetime { unit, zone: Some(zone) } => {
                self.with("Datetime(").with(unit.name()).with(", ").with(zone).with(")")
            }
            ColumnType::Duration { unit } => self.with("Duration(").with(unit.name()).with(")"),
            ColumnType::Decimal { precision, scale } => {
                self.with("Decimal(").with_number(*precision).with(", ").with_number(*scale).with(")")
            }
            ColumnType::List(element) => self.with("List(").with_type(element).with(")"),
            ColumnType::Struct(fields) => self.with("Struct(").with_fields(fields).with(")"),
        }
    }

    const fn with_fields(mut self, mut fields: &[ColumnDef]) -> Self {
        while let [field, rest @ ..] = fields {
            self = self.with(field.name).with(": ").with_type(&field.data_type);
            if !rest.is_empty() {
                self = self.with(", ");
            }
            fields = rest;
        }
        self
    }
}

impl TimeUnit {
    /// `ms`, `us` or `ns`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }
}

/// Whether two texts are the same.
pub(super) const fn same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest, others);
    }
    one.is_empty() && other.is_empty()
}

/// How many letters have to be added, left out, changed, or swapped with the next; by bytes, and no more than `u8::MAX` for names
/// too long to be compared.
pub(super) const fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() >= LONGEST || other.len() >= LONGEST {
        return u8::MAX as usize;
    }
    // The rows of the table of distances that are still needed: the one before the last, the last, and the one that is filled.
    let (mut before, mut last, mut row) = ([0; LONGEST], [0; LONGEST], [0; LONGEST]);
    let mut column = 0;
    while column <= other.len() {
        last[column] = column;
        column += 1;
    }
    let mut line = 1;
    while line <= one.len() {
        row[0] = line;
        column = 1;
        while column <= other.len() {
            let change = if one[line - 1] == other[column - 1] { 0 } else { 1 };
            let mut fewest = last[column - 1] + change;
            fewest = smaller(fewest, last[column] + 1);
            fewest = smaller(fewest, row[column - 1] + 1);
            if line > 1 && column > 1 && one[line - 1] == other[column - 2] && one[line - 2] == other[column - 1] {
                fewest = smaller(fewest, before[column - 2] + 1);
            }
            row[column] = fewest;
            column += 1;
        }
        (before, last, row) = (last, row, before);
        line += 1;
    }
    last[other.len()]
}

const fn smaller(one: usize, other: usize) -> usize {
    if one < other { one } else { other }
}
