//! Sorted runs of consecutive numbers: how sets are walked and built, so that what is done to a million keys is done to a few runs.

use roaring::RoaringTreemap;

/// Runs from a first to a last number, both included; sorted, apart by at least one.
pub(super) type Runs = Vec<(u64, u64)>;

/// The runs of a bitmap.
pub(super) fn of(map: &RoaringTreemap) -> Runs {
    let mut runs = Runs::new();
    for (high, bitmap) in map.bitmaps() {
        let base = u64::from(high) << 32;
        let mut iter = bitmap.iter();
        while let Some(range) = iter.next_range() {
            push(&mut runs, base + u64::from(*range.start()), base + u64::from(*range.end()));
        }
    }
    runs
}

/// The bitmap of runs.
pub(super) fn map(runs: &[(u64, u64)]) -> RoaringTreemap {
    let mut map = RoaringTreemap::new();
    insert(&mut map, runs);
    map
}

/// Adds runs to a bitmap.
pub(super) fn insert(map: &mut RoaringTreemap, runs: &[(u64, u64)]) {
    for &(first, last) in runs {
        if first == last {
            map.insert(first);
        } else {
            map.insert_range(first..=last);
        }
    }
}

/// Takes runs out of a bitmap.
pub(super) fn remove(map: &mut RoaringTreemap, runs: &[(u64, u64)]) {
    for &(first, last) in runs {
        map.remove_range(first..=last);
    }
}

/// Runs of numbers in any order.
pub(super) fn collect(mut numbers: Vec<u64>) -> Runs {
    numbers.sort_unstable();
    let mut runs = Runs::new();
    for number in numbers {
        push(&mut runs, number, number);
    }
    runs
}

/// Adds a run that does not begin before the last one.
pub(super) fn push(runs: &mut Runs, first: u64, last: u64) {
    match runs.last_mut() {
        Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
        _ => runs.push((first, last)),
    }
}

/// The numbers below a bound.
pub(super) fn below(bound: u64) -> Runs {
    if bound == 0 { Runs::new() } else { vec![(0, bound - 1)] }
}

/// The numbers of both.
pub(super) fn intersection(one: &[(u64, u64)], other: &[(u64, u64)]) -> Runs {
    let (mut i, mut j) = (0, 0);
    let mut runs = Runs::new();
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        let (first, last) = (a.0.max(b.0), a.1.min(b.1));
        if first <= last {
            runs.push((first, last));
        }
        if a.1 < b.1 { i += 1 } else { j += 1 }
    }
    runs
}

/// Each number.
pub(super) fn numbers(runs: &[(u64, u64)]) -> impl Iterator<Item = u64> + '_ {
    runs.iter().flat_map(|&(first, last)| first..=last)
}

/// The indices of every combination of places on axes of these lengths, the last one fastest.
pub(super) fn product(places: &[Runs], lengths: &[u64]) -> Runs {
    // Also where an axis has no place at all, as a set without keys: nothing has a stride then.
    if places.iter().any(Vec::is_empty) {
        return Runs::new();
    }
    let mut rest: Runs = vec![(0, 0)];
    let mut stride = 1;
    for (places, length) in places.iter().zip(lengths).rev() {
        let mut next = Runs::new();
        if rest == [(0, stride - 1)] {
            next.extend(places.iter().map(|&(first, last)| (first * stride, last * stride + (stride - 1))));
        } else if !rest.is_empty() {
            for place in numbers(places) {
                for &(first, last) in &rest {
                    push(&mut next, place * stride + first, place * stride + last);
                }
            }
        }
        rest = next;
        stride *= length;
    }
    rest
}

/// Cuts runs into rows of a length, and gives for each distinct row the numbers of the rows that are it; in the order of first
/// occurrence.
pub(super) fn rows(runs: &[(u64, u64)], length: u64) -> Vec<(Runs, Runs)> {
    let mut found: Vec<(Runs, Runs)> = Vec::new();
    let mut known: std::collections::HashMap<Runs, usize> = std::collections::HashMap::new();
    let mut add = |row: &mut Runs, first: u64, last: u64| {
        if row.is_empty() {
            return;
        }
        if let Some(at) = known.get(row) {
            push(&mut found[*at].0, first, last);
        } else {
            known.insert(row.clone(), found.len());
            found.push((vec![(first, last)], row.clone()));
        }
        row.clear();
    };
    let (mut row, mut at) = (Runs::new(), 0);
    for &(mut first, last) in runs {
        let (number, end) = (first / length, last / length);
        if number != at {
            add(&mut row, at, at);
            at = number;
        }
        if number < end && first % length != 0 {
            row.push((first % length, length - 1));
            add(&mut row, at, at);
            at += 1;
            first = at * length;
        }
        // A run over whole rows is as much as each of them.
        let whole = (last + 1) / length;
        if at < whole && first == at * length {
            add(&mut vec![(0, length - 1)], at, whole - 1);
            at = whole;
            first = whole * length;
        }
        if first <= last {
            row.push((first % length, last % length));
        }
    }
    add(&mut row, at, at);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_what_they_hold() {
        // Rows of 4: 0 and 3 hold 1..=2, 1 and 2 are whole, 4 is empty, 5 holds 0.
        let runs = vec![(1, 2), (4, 11), (13, 14), (20, 20)];
        let expected = vec![(vec![(0, 0), (3, 3)], vec![(1, 2)]), (vec![(1, 2)], vec![(0, 3)]), (vec![(5, 5)], vec![(0, 0)])];
        assert_eq!(rows(&runs, 4), expected);
        assert_eq!(
            rows(&[(2, 9)], 4),
            vec![(vec![(0, 0)], vec![(2, 3)]), (vec![(1, 1)], vec![(0, 3)]), (vec![(2, 2)], vec![(0, 1)]),]
        );
        assert_eq!(rows(&[(0, 9)], 1), vec![(vec![(0, 9)], vec![(0, 0)])]);
    }

    #[test]
    fn a_product_of_everything_is_one_run() {
        assert_eq!(product(&[vec![(0, 3649)], vec![(0, 273)]], &[3650, 274]), vec![(0, 3650 * 274 - 1)]);
        assert_eq!(product(&[vec![(1, 2)], vec![(0, 0), (2, 2)]], &[3, 3]), vec![(3, 3), (5, 6), (8, 8)]);
        assert_eq!(product(&[Runs::new(), vec![(0, 0)]], &[3, 3]), Runs::new());
    }
}
