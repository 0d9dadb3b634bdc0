//! What a column is at some places of a dimension, for stores that write predicates in a language of their own.

use roaring::RoaringTreemap;

use super::axis::{AxisColumn, Matcher, ranges};

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Terms {
    /// One of these, as texts, in the order of the places.
    OneOf(Vec<String>),
    /// At or after the one and before the other, as numbers of the column's physical type.
    Within(Vec<(i64, i64)>),
}

impl AxisColumn {
    /// What the column is at these places; windows that follow one another are one.
    pub(crate) fn terms(&self, places: &RoaringTreemap) -> Terms {
        match &*self.matcher {
            Matcher::Equal { texts, .. } => Terms::OneOf(places.iter().filter_map(|place| texts.get(&place).cloned()).collect()),
            Matcher::Within { windows } => Terms::Within(ranges(windows, places)),
        }
    }

    /// As [`terms`](Self::terms), each window on its own.
    pub(crate) fn each_term(&self, places: &RoaringTreemap) -> Terms {
        match &*self.matcher {
            Matcher::Equal { .. } => self.terms(places),
            Matcher::Within { windows } => {
                let those = windows.iter().filter(|window| places.contains(window.place));
                Terms::Within(those.map(|window| (window.start, window.end)).collect())
            }
        }
    }
}
