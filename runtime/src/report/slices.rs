//! Partitions as people write them.

use crate::slice::{KeyBox, KeyItem, Slice};

/// How many characters of a list are shown; its first element is shown whole.
const SHOWN: usize = 28;

/// The partitions of a slice, as their keys are given on a command line; of many the first, of each dimension. Nothing for a whole asset.
///
/// No key is cut, since what tells two slices from each other may be its end.
#[must_use]
pub fn partitions(slice: &Slice) -> String {
    match slice {
        Slice::Whole => String::new(),
        Slice::Keys(boxes) => first_of(boxes.iter().map(of_box), ";"),
    }
}

fn of_box(keys: &KeyBox) -> String {
    let dimensions = keys.dimensions.iter().map(|(name, items)| {
        let items = first_of(items.iter().map(of_item), ",");
        if name.is_empty() { items } else { format!("{name}={items}") }
    });
    dimensions.collect::<Vec<_>>().join("&")
}

fn of_item(item: &KeyItem) -> String {
    match item {
        KeyItem::One(key) => key.to_string(),
        KeyItem::Span(first, last) => format!("{first}..{last}"),
    }
}

fn first_of(all: impl Iterator<Item = String>, between: &str) -> String {
    let mut text = String::new();
    for (index, one) in all.enumerate() {
        if index > 0 {
            text.push_str(between);
            if text.chars().count() + one.chars().count() > SHOWN {
                text.push('…');
                break;
            }
        }
        text.push_str(&one);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(slice: &str) -> String {
        partitions(&slice.parse().unwrap())
    }

    #[test]
    fn keys_are_shown_as_they_are_given() {
        assert_eq!(shown("v1:all"), "");
        assert_eq!(shown("v1:[]"), "");
        assert_eq!(shown("v1:[k%3Dv,new york]"), "k=v,new york");
        assert_eq!(shown("v1:[a%2E%2Eb%2Cc]"), "a..b,c");
    }

    #[test]
    fn lists_are_cut_and_keys_are_not() {
        assert_eq!(shown("v1:[2026-01-01,2026-01-03,2026-01-05,2026-01-07]"), "2026-01-01,2026-01-03,…");
        let long = "customers/europe/germany/north/1";
        assert_eq!(shown(&format!("v1:[{long}]")), long);
        assert_eq!(shown("v1:[date=2026-01-01&part=am;date=2026-01-02&part=pm]"), "date=2026-01-01&part=am;…");
    }

    #[test]
    fn what_differs_in_one_dimension_is_seen_beside_a_long_other() {
        let days = "date=2010-01-01..2010-01-03";
        let both = ["am", "pm"].map(|part| shown(&format!("v1:[{days}&part={part}]")));
        assert_eq!(both, [format!("{days}&part=am"), format!("{days}&part=pm")]);
    }
}
