//! Whether what an asset says about its own partitions fits its definition: the checks that generated code makes the compiler
//! evaluate.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a constant fails the build")]

use super::text::{Text, contains};
use super::{AssetShape, Shape, ShapeKind};

/// A parameter or an output that names the definition, between these words.
#[track_caller]
pub const fn own(asset: AssetShape, definition: &'static Shape, before: &'static str, after: &'static str) {
    let own = asset.partitions;
    if own.is_any() || definition.is_any() || own.is(definition) {
        return;
    }
    let text = own.describe(Text::new("asset ").name(asset.name).with(" is partitioned by "), definition);
    let text = definition.describe_name(text.with(", not by "), own).with("; write `").with(before).with(own.name);
    panic!("{}", text.with(after).with("`").as_str());
}

/// A parameter `Partitions<definition, …>`, with a mapping that is identity or not.
#[track_caller]
pub const fn map_of(asset: AssetShape, upstream: AssetShape, definition: &'static Shape, identity: bool) {
    let (up, name) = (upstream.partitions, upstream.name);
    if up.is_any() || definition.is_any() || asset.partitions.is_any() || up.is(definition) {
        return;
    }
    if !up.is_none() {
        let text = up.describe(Text::new("asset ").name(name).with(" is partitioned by "), definition).with(", not by ");
        panic!("{}", definition.describe_name(text, up).with("; write `Partitions<").with(up.name).with(", …>`").as_str());
    }
    if upstream.expression && identity {
        return own(asset, definition, "Partitions<", ", …>");
    }
    let text = Text::new("asset ").name(name).with(" is not partitioned, so there is no map of its partitions");
    let fix =
        if upstream.expression { "; add `#[input(mapping = identity)]` to cut it by its column" } else { "; take all of it" };
    panic!("{}", text.with(fix).as_str());
}

/// `partition_expr = "…"`.
#[track_caller]
pub const fn one_expression(asset: AssetShape) {
    let ShapeKind::Multi(dimensions) = asset.partitions.kind else { return };
    let text = asset.partitions.describe(Text::new("asset ").name(asset.name).with(" is partitioned by "), Shape::NONE);
    let mut text = text.with("; write an expression for each: `partition_expr(");
    let mut index = 0;
    while index < dimensions.len() {
        text = text.with(if index > 0 { ", " } else { "" }).with(dimensions[index].name).with(" = \"…\"");
        index += 1;
    }
    panic!("{}", text.with(")`").as_str());
}

/// A dimension that `partition_expr(…)` or `partition_by` names, and whether it is the first that it does.
#[track_caller]
pub const fn known_dimension(asset: AssetShape, name: &'static str, first: bool, instead: &'static str) {
    let shape = asset.partitions;
    if shape.is_any() || shape.dimension(name).is_some() {
        return;
    }
    if matches!(shape.kind, ShapeKind::Multi(_)) {
        let text = Text::new("").name(shape.name).with(" has no dimension ").name(name);
        panic!("{}", shape.suggest_dimension(text, name).as_str());
    }
    if first {
        let text = shape.describe(Text::new("asset ").name(asset.name).with(" is partitioned by "), Shape::NONE);
        panic!("{}", text.with(", which has no named dimensions; write ").name(instead).as_str());
    }
}

/// All dimensions that `partition_expr(…)` names.
#[track_caller]
pub const fn every_dimension(asset: AssetShape, named: &[&'static str]) {
    let shape = asset.partitions;
    let ShapeKind::Multi(dimensions) = shape.kind else { return };
    // An unknown one is likely to be the missing one, misspelt.
    let mut index = 0;
    while index < named.len() {
        if shape.dimension(named[index]).is_none() {
            return;
        }
        index += 1;
    }
    index = 0;
    while index < dimensions.len() {
        let name = dimensions[index].name;
        if !contains(named, name) {
            let text = Text::new("`partition_expr` has no expression for dimension ").name(name).with(" of ").name(shape.name);
            panic!("{}", text.with("; add `").with(name).with(" = \"…\"`").as_str());
        }
        index += 1;
    }
}

/// A field of a definition of several dimensions.
#[track_caller]
pub const fn one_dimension(name: &'static str, shape: &'static Shape) {
    if matches!(shape.kind, ShapeKind::Multi(_)) {
        let text = shape.describe(Text::new("dimension ").name(name).with(" is of "), Shape::NONE);
        panic!("{}", text.with("; a dimension has one dimension itself, so list those here").as_str());
    }
}
