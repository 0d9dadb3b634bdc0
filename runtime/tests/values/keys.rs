//! Keys of assets: their text says all there is, and their order is that of their segments.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

use lakewright::{AssetKey, ErrorKind};
use proptest::prelude::*;

/// Segments around the separator: what sorts before it and after it, and what is more than one byte.
fn segments() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ !.0a~é\u{10000}]{1,3}", 1..4)
}

proptest! {
    #[test]
    fn a_key_is_its_segments(segments in segments()) {
        let key = AssetKey::new(&segments).unwrap();
        prop_assert_eq!(key.segments().collect::<Vec<_>>(), segments.iter().collect::<Vec<_>>());
        prop_assert_eq!(key.name(), segments.last().unwrap());
        prop_assert_eq!(key.prefix().collect::<Vec<_>>(), segments[..segments.len() - 1].iter().collect::<Vec<_>>());
        prop_assert_eq!(key.as_str(), segments.join("/"));
        prop_assert_eq!(key.to_string().parse::<AssetKey>().unwrap(), key);
    }

    #[test]
    fn keys_sort_segment_by_segment(one in segments(), other in segments()) {
        let [a, b] = [&one, &other].map(|segments| AssetKey::new(segments).unwrap());
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        prop_assert_eq!(a == b, one == other);
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", "/", "a/", "/a", "a//b", "a\nb", "a/\u{85}"] {
        assert_eq!(text.parse::<AssetKey>().unwrap_err().kind(), ErrorKind::InvalidKey, "{text:?}");
    }
    for segments in [vec![], vec![""], vec!["a", ""], vec!["a/b"], vec!["a", "b\0"]] {
        assert_eq!(AssetKey::new(&segments).unwrap_err().kind(), ErrorKind::InvalidKey, "{segments:?}");
    }
}
