//! Whether the partitions on both ends of an edge line up: the checks that generated code makes the compiler evaluate.
//!
//! Each returns nothing, or fails the build with a sentence where the check was written down. A mistaken definition is never
//! reported, since it has been already.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a constant fails the build")]
#![expect(clippy::large_types_passed_by_value, reason = "a constant is built by value")]

use super::text::{Text, contains, same};
use super::{AssetShape, DimensionShape, MappingDef, Shape, ShapeKind};

/// One end of an edge, or one dimension of it.
#[derive(Clone, Copy)]
struct End {
    asset: &'static str,
    /// The dimension, if it is only one of them.
    dimension: &'static str,
    shape: &'static Shape,
}

impl End {
    const fn of(asset: AssetShape) -> Self {
        Self { asset: asset.name, dimension: "", shape: asset.partitions }
    }

    /// "asset `raw` is partitioned by `Day` (windows of time)".
    const fn describe(self, text: Text, beside: Self) -> Text {
        let whole = self.dimension.is_empty();
        match (self.shape.is_none(), whole) {
            (true, true) => text.with("asset ").name(self.asset).with(" is not partitioned"),
            (true, false) => text.with("asset ").name(self.asset).with(" has no dimension ").name(self.dimension),
            (false, true) => self.shape.describe(text.with("asset ").name(self.asset).with(" is partitioned by "), beside.shape),
            (false, false) => {
                let text = text.with("dimension ").name(self.dimension).with(" of asset ").name(self.asset).with(" is of ");
                self.shape.describe(text, beside.shape)
            }
        }
    }
}

/// An input without a mapping.
#[track_caller]
pub const fn edge(asset: AssetShape, upstream: AssetShape) {
    let (down, up) = (asset.partitions, upstream.partitions);
    if down.is_none() || up.is_none() {
        return;
    }
    if let Some(text) = unmapped(End::of(asset), End::of(upstream)) {
        panic!("{}", text.as_str());
    }
}

/// An input with a mapping.
#[track_caller]
pub const fn mapped(asset: AssetShape, upstream: AssetShape, mapping: &MappingDef) {
    // A table cut by a column takes the definition of whoever reads it.
    let upstream = match mapping {
        MappingDef::Identity if upstream.expression && upstream.partitions.is_none() => upstream.partitioned(asset.partitions),
        _ => upstream,
    };
    if let Some(text) = unfit(End::of(asset), End::of(upstream), mapping) {
        panic!("{}", text.as_str());
    }
}

/// An input that is the window before of the asset itself.
#[track_caller]
pub const fn previous(asset: AssetShape) {
    if asset.partitions.is_any() || asset.partitions.only_time().is_some() {
        return;
    }
    let end = End::of(asset);
    let text = end.describe(Text::new("`previous` is the window of time before, and "), end);
    panic!("{}", text.with("; it needs a definition of windows of time, or one dimension of them").as_str());
}

/// One dimension of an input with a mapping for each: of the input, or of the asset if only that has several.
#[track_caller]
pub const fn mapped_dimension(asset: AssetShape, upstream: AssetShape, dimension: &'static str, mapping: &MappingDef) {
    let (down, up) = (asset.partitions, upstream.partitions);
    let owner = if up.dimensions().is_empty() { asset } else { upstream };
    if down.is_any() || up.is_any() || owner.partitions.dimensions().is_empty() {
        return;
    }
    if owner.partitions.dimension(dimension).is_none() {
        let text = Text::new("asset ").name(owner.name).with(" has no dimension ").name(dimension);
        panic!("{}", owner.partitions.suggest_dimension(text, dimension).as_str());
    }
    let down = End { asset: asset.name, dimension, shape: counterpart(down, dimension) };
    let up = End { asset: upstream.name, dimension, shape: counterpart(up, dimension) };
    if let Some(text) = unfit(down, up, mapping) {
        panic!("{}", text.as_str());
    }
}

/// A key that a mapping names, of an asset or of one of its dimensions.
#[track_caller]
pub const fn known_key(asset: AssetShape, dimension: &'static str, key: &'static str) {
    let shape = match (dimension.is_empty(), asset.partitions.dimension(dimension)) {
        (false, Some(shape)) => shape,
        _ => asset.partitions,
    };
    if let ShapeKind::Static(keys) = shape.kind
        && !contains(keys, key)
    {
        let text = Text::new("").name(key).with(" is no key of ").name(shape.name).with(", by which asset ").name(asset.name);
        panic!("{}", text.with(" is partitioned").suggestion(key, "keys", keys).as_str());
    }
}

/// The dimension of this name, or the only one there is.
const fn counterpart(down: &'static Shape, dimension: &str) -> &'static Shape {
    match (down.kind, down.dimension(dimension)) {
        (ShapeKind::Multi(_), Some(shape)) => shape,
        (ShapeKind::Multi(_), None) => Shape::NONE,
        _ => down,
    }
}

/// Why no mapping fits by itself.
const fn unmapped(down: End, up: End) -> Option<Text> {
    let (a, b) = (down.shape, up.shape);
    if a.is_any() || b.is_any() || a.is(b) || (a.is_time() && b.is_time()) || a.dimensions_of(b) == 1 || b.dimensions_of(a) == 1 {
        return None;
    }
    let text = down.describe(Text::new(""), up).with(" and its input ").name(up.asset).with(" by ");
    let text = b.describe(text, a);
    if a.dimensions_of(b) > 1 || b.dimensions_of(a) > 1 {
        let (several, one) = if a.dimensions_of(b) > 1 { (a, b) } else { (b, a) };
        let text = text.with(": more than one dimension fits; say which, as in `#[input(mapping = dimensions(");
        return Some(text.with(several.first_dimension_of(one)).with(" = identity))]`"));
    }
    Some(fitting(text.with(": no mapping fits by itself"), down, up))
}

/// The mappings that would do, at the end of a sentence.
const fn fitting(text: Text, down: End, up: End) -> Text {
    let both_times = down.shape.is_time() && up.shape.is_time();
    let first = if both_times { "overlap" } else { "all" };
    let text = if up.dimension.is_empty() {
        text.with("; use `#[input(mapping = ").with(first).with(")]`")
    } else {
        text.with("; use `").with(up.dimension).with(" = ").with(first).with("`")
    };
    let text = text.with(if both_times { ", `all`, `last`" } else { ", `last`" });
    match (up.shape.kind, down.shape.is_none()) {
        (ShapeKind::Multi(dimensions), _) => {
            let mut text = text.with(" or `dimensions(");
            let mut index = 0;
            while index < dimensions.len() {
                text = text.with(if index > 0 { ", " } else { "" }).with(dimensions[index].name).with(" = …");
                index += 1;
            }
            text.with(")`")
        }
        (_, true) => text.with(" or `keys(…)`"),
        (_, false) => text.with(", `keys(…)` or `map(…)`"),
    }
}

/// Why a mapping makes no sense.
const fn unfit(down: End, up: End, mapping: &MappingDef) -> Option<Text> {
    let (a, b) = (down.shape, up.shape);
    if a.is_any() || b.is_any() || matches!(mapping, MappingDef::All) {
        return None;
    }
    let name = mapping.spelling();
    if b.is_none() {
        let text = up.describe(Text::new("").name(name).with(" picks among partitions, and "), down);
        return Some(text.with("; leave the mapping out, and all of it is loaded"));
    }
    let needs_partitions = !matches!(mapping, MappingDef::Last | MappingDef::Keys(_) | MappingDef::Dimensions(_));
    if needs_partitions && a.is_none() {
        let text = Text::new("").name(name).with(" starts from the partition that is made, and ");
        return Some(fitting(down.describe(text, up), down, up));
    }
    match mapping {
        MappingDef::Identity => identity(down, up),
        MappingDef::Overlap => windows(down, up, "`overlap` relates windows of time, and ", false),
        MappingDef::Offset(..) => windows(down, up, "`offset(…)` counts windows of time, and ", true),
        // Of several dimensions of the asset, the input follows one.
        MappingDef::Dimensions([_]) if b.dimensions().is_empty() && !a.dimensions().is_empty() => None,
        MappingDef::Dimensions(_) if b.dimensions().is_empty() => {
            let text = Text::new("`dimensions(…)` is for several dimensions, and ");
            Some(up.describe(text, down).with("; write the mapping without it, as in `#[input(mapping = all)]`"))
        }
        MappingDef::Dimensions(named) => unnamed_dimension(down, up, named),
        _ => None,
    }
}

/// Why the same key is not to be had.
const fn identity(down: End, up: End) -> Option<Text> {
    let (a, b) = (down.shape, up.shape);
    if a.is(b) || a.dimensions_of(b) == 1 || b.dimensions_of(a) == 1 {
        return None;
    }
    let text = down.describe(Text::new("`identity` is for one definition on both sides, and "), up).with(", but ");
    Some(fitting(up.describe(text, down), down, up))
}

/// Why windows of time do not go together.
const fn windows(down: End, up: End, what: &str, one_definition: bool) -> Option<Text> {
    let (Some(a), Some(b)) = (down.shape.only_time(), up.shape.only_time()) else {
        let (odd, other) = if down.shape.only_time().is_none() { (down, up) } else { (up, down) };
        return Some(fitting(odd.describe(Text::new(what), other), down, up));
    };
    if one_definition && !a.is(b) {
        let text = down.describe(Text::new("`offset(…)` counts windows of one definition, and "), up).with(", but ");
        return Some(fitting(up.describe(text, down), down, up));
    }
    // The other dimensions, if both have some, keep their keys.
    let (upper, lower) = (up.shape.dimensions(), down.shape.dimensions());
    let mut index = 0;
    while index < upper.len() && !lower.is_empty() {
        let DimensionShape { name, shape } = upper[index];
        let same = match down.shape.dimension(name) {
            Some(other) => other.is(shape),
            None => false,
        };
        if !same && !shape.is_time() {
            let text = down.describe(Text::new("the dimension ").name(name).with(" has no mapping: "), up).with(", but ");
            return Some(fitting(up.describe(text, down), down, up));
        }
        index += 1;
    }
    None
}

/// A dimension that is not named and does not map by itself.
const fn unnamed_dimension(down: End, up: End, named: &[(&'static str, MappingDef)]) -> Option<Text> {
    let dimensions = up.shape.dimensions();
    let mut index = 0;
    while index < dimensions.len() {
        let name = dimensions[index].name;
        let a = counterpart(down.shape, name);
        let is_named = {
            let (mut n, mut found) = (0, false);
            while n < named.len() {
                found |= same(named[n].0, name);
                n += 1;
            }
            found
        };
        // The only dimension of the other end stands for none of them by name.
        let multi = matches!(down.shape.kind, ShapeKind::Multi(_));
        if !is_named && multi && !a.is_none() {
            let (a, b) = (
                End { asset: down.asset, dimension: name, shape: a },
                End { asset: up.asset, dimension: name, shape: dimensions[index].shape },
            );
            if let Some(_unmapped) = unmapped(a, b) {
                let text = a.describe(Text::new(""), b).with(" and ");
                let text = b.describe(text, a).with(": say in `dimensions(");
                return Some(text.with(name).with(" = …)` how it maps"));
            }
        }
        index += 1;
    }
    None
}
