//! Section 2: where things are stored.

use std::collections::BTreeMap;
use std::path::Path;

use super::bench::{Bench, by_hand};
use super::breach::{Breach, Verdict};
use crate::asset::{AssetBuilder, AssetSpec, ValueKind};
use crate::error::{Error, ErrorKind};
use crate::key::AssetKey;
use crate::partition::{KeySpace, PartitionsDef};
use crate::slice::Slice;

/// Names that are easily mistaken for each other, for a path, for syntax, or for nothing.
pub(super) const HOSTILE: &[&str] = &[
    "..",
    ".",
    "...",
    "a",
    "a.b",
    "a b",
    " a",
    "a ",
    "a|b",
    "a\\|b",
    "a\\b",
    "a,b",
    "a=b",
    "a;b",
    "a'b",
    "a''b",
    "a\"b",
    "a\"\"b",
    "'); drop table a; --",
    "a`b",
    "%",
    "%2E",
    "%2E%2E",
    "a%2Fb",
    "a%b",
    "äöü",
    "日本語",
    "🦆",
    "null",
    "NULL",
    "__HIVE_DEFAULT_PARTITION__",
    "0.0-to-1.0",
    "$x",
    "{x}",
    "~",
    "*",
    "?",
    "#",
    "&",
    "+",
    "select",
];

/// Names that differ only after so many bytes that a file could not have them.
pub(super) fn long_names() -> [String; 2] {
    let long = "long".repeat(60);
    [format!("{long}1"), format!("{long}2")]
}

/// What a store may say of a name that it cannot have.
const NAMES_REFUSED: &[ErrorKind] =
    &[ErrorKind::InvalidKey, ErrorKind::SchemaName, ErrorKind::PartitionKey, ErrorKind::NotHonoured, ErrorKind::Unsupported];

fn hostile_asset(name: &str, kind: ValueKind) -> Verdict<AssetSpec> {
    let mut asset = by_hand(AssetBuilder::new("hostile", kind))?;
    asset.key = AssetKey::new([name])?;
    Ok(asset)
}

fn may_refuse(error: &Error, name: &str) -> Verdict {
    let kinds: Vec<_> = NAMES_REFUSED.iter().map(|kind| format!("{kind:?}")).collect();
    let kinds = kinds.join(", ");
    ensure!(
        NAMES_REFUSED.contains(&error.kind()),
        "the name `{name}` may be refused as one of {kinds}, and the error was {error:?}"
    );
    Ok(())
}

pub(super) async fn locating_touches_nothing(bench: &Bench) -> Verdict {
    let before = files_below(bench.place.root());
    let again = bench.again().await;
    let kind = bench.kind();
    let (asset, other) = (bench.asset("here", kind)?, bench.asset("there", kind)?);
    let here = bench.store.locate(&asset, &Slice::Whole)?;
    ensure!(here == bench.store.locate(&asset, &Slice::Whole)?, "`locate` says two places of one asset");
    let instance = again.store.locate(&asset, &Slice::Whole)?;
    ensure!(here == instance, "two instances at one place locate one asset at `{here}` and at `{instance}`");
    let there = bench.store.locate(&other, &Slice::Whole)?;
    ensure!(here != there, "two assets are both at `{here}`");
    ensure!(!here.as_str().is_empty(), "the location of an asset is empty");
    let described = bench.describe(&asset, &Slice::Whole).await?;
    ensure!(!described.exists, "after `locate`, `describe` says that something is stored: {described:?}");
    // Another instance may have opened what it needs; files of an asset are what is looked for.
    let after: Vec<_> = files_below(bench.place.root()).into_iter().filter(|file| !before.contains(file)).collect();
    let touched = after.iter().find(|file| file.contains("here") || file.contains("there"));
    ensure!(touched.is_none(), "`locate` made the file `{}`", touched.map_or("", String::as_str));
    Ok(())
}

pub(super) async fn hostile_keys_are_kept_apart(bench: &Bench) -> Verdict {
    let long = long_names();
    let names: Vec<&str> = HOSTILE.iter().copied().chain(long.iter().map(String::as_str)).collect();
    let kind = bench.kind();
    let mut located: BTreeMap<_, &str> = BTreeMap::new();
    let mut stored = Vec::new();
    for (n, name) in (1_i64..).zip(&names) {
        let asset = hostile_asset(name, kind)?;
        match bench.store.locate(&asset, &Slice::Whole) {
            // Two names that fold to one table are found before anything runs.
            Ok(location) if located.contains_key(&location) => {
                let other = located[&location];
                let folded = other.to_lowercase() == name.to_lowercase();
                ensure!(folded, "the assets `{other}` and `{name}` are both located at `{location}`");
            }
            Ok(location) => {
                located.insert(location, name);
                bench.put_sample(&asset, &Slice::Whole, n, 1).await.map_err(|breach| named(name, &breach))?;
                stored.push((n, *name, asset));
            }
            Err(error) => may_refuse(&error, name)?,
        }
    }
    ensure!(stored.iter().any(|(_, name, _)| *name == "a"), "the asset `a` was refused");
    for (n, name, asset) in &stored {
        let sample = bench.expect_sample(asset, &Slice::Whole, *n, "after assets with hostile names were stored").await;
        sample.map_err(|breach| named(name, &breach))?;
    }
    nothing_outside(bench)
}

pub(super) async fn hostile_partition_keys_are_kept_apart(bench: &Bench) -> Verdict {
    let long = long_names();
    let names: Vec<&str> = HOSTILE.iter().copied().chain(["a/b", "/", "../a"]).chain(long.iter().map(String::as_str)).collect();
    let def = PartitionsDef::fixed("Hostile", &names)?;
    let space = bench.space(&def)?;
    let kind = bench.kind();
    let asset = by_hand(AssetBuilder::new("hostile", kind).partitions(def.clone()))?;
    for (n, slice) in slices(&space) {
        bench.put_sample(&asset, &slice, n, 1).await.map_err(|breach| named(&slice.to_string(), &breach))?;
    }
    for (n, slice) in slices(&space) {
        let sample = bench.expect_sample(&asset, &slice, n, "after partitions with hostile keys were stored").await;
        sample.map_err(|breach| named(&slice.to_string(), &breach))?;
    }
    let present = bench.present(&asset, &space.all()).await?;
    ensure!(present.len() == names.len(), "{} of {} partitions with hostile keys are present", present.len(), names.len());
    nothing_outside(bench)
}

fn slices(space: &KeySpace) -> Vec<(i64, Slice)> {
    (1_i64..).zip(space.all().indices().map(|index| space.all().only(index).slice())).collect()
}

pub(super) async fn assets_and_partitions_are_kept_apart(bench: &Bench) -> Verdict {
    let def = PartitionsDef::fixed("Part", ["x", "y"])?;
    let space = bench.space(&def)?;
    let (x, y) = (space.all().only(0).slice(), space.all().only(1).slice());
    let kind = bench.kind();
    let parted = by_hand(AssetBuilder::new("parted", kind).partitions(def.clone()))?;
    let whole = bench.asset("whole", kind)?;
    bench.put_sample(&parted, &x, 1, 1).await?;
    bench.put_sample(&whole, &Slice::Whole, 3, 1).await?;
    bench.expect(&parted, &y, None, "before that partition was stored").await?;
    bench.put_sample(&parted, &y, 2, 1).await?;
    bench.expect_sample(&parted, &x, 1, "after another partition was stored").await?;
    bench.expect_sample(&parted, &y, 2, "after it was stored").await?;
    bench.expect_sample(&whole, &Slice::Whole, 3, "after partitions of another asset were stored").await?;
    let (of_x, of_y) = (bench.store.locate(&parted, &x)?, bench.store.locate(&parted, &y)?);
    let of_whole = bench.store.locate(&whole, &Slice::Whole)?;
    ensure!(of_x != of_whole && of_y != of_whole, "a partition of one asset and another asset are both at `{of_whole}`");
    Ok(())
}

pub(super) async fn schemas_tell_tables_apart(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let of = |key: &str, schema: Option<&str>| -> Verdict<AssetSpec> {
        let builder = AssetBuilder::new(key, kind);
        by_hand(match schema {
            Some(schema) => builder.schema(schema),
            None => builder,
        })
    };
    let (red, blue) = (of("t", Some("red"))?, of("t", Some("blue"))?);
    let (at_red, at_blue) = (bench.store.locate(&red, &Slice::Whole)?, bench.store.locate(&blue, &Slice::Whole)?);
    ensure!(at_red != at_blue, "the table `t` of the schemas `red` and `blue` are both at `{at_red}`");
    let own = bench.store.locate(&of("x/y/t", Some("red"))?, &Slice::Whole)?;
    ensure!(
        own == at_red,
        "`schema = \"red\"` of the asset `x/y/t` puts it at `{own}`, and has to win over the prefix: `{at_red}`"
    );
    // A store that says a schema itself refuses one that the prefix says too.
    match bench.store.locate(&of("x/red/t", None)?, &Slice::Whole) {
        Ok(prefix) => {
            ensure!(prefix == at_red, "the last segment of the prefix is the schema, and `x/red/t` is at `{prefix}`");
            let public = bench.store.locate(&of("t", None)?, &Slice::Whole)?;
            let wanted = bench.store.locate(&of("t", Some("public"))?, &Slice::Whole)?;
            ensure!(public == wanted, "without a schema a table is in `public`, at `{wanted}`, and it is at `{public}`");
        }
        Err(error) => {
            ensure!(error.kind() == ErrorKind::SchemaName, "a schema that is given twice is `SchemaName`, and was {error:?}");
        }
    }
    Ok(())
}

/// Refuses anything beside the store's folder and the log.
fn nothing_outside(bench: &Bench) -> Verdict {
    let root = bench.place.root();
    let strangers = files_below(root).into_iter().find(|file| !file.starts_with("store/") && !file.starts_with("log/"));
    ensure!(strangers.is_none(), "the store wrote `{}` outside of its place", strangers.unwrap_or_default());
    let beside = root.parent().map(|above| above.join("hostile"));
    ensure!(beside.is_none_or(|path| !path.exists()), "the store wrote outside of its place");
    Ok(())
}

fn named(name: &str, breach: &Breach) -> Breach {
    Breach::new(format!("`{name}`: {breach}"))
}

/// Every file below a folder, relative to it.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.strip_prefix(folder) {
                _ if path.is_dir() => folders.push(path),
                Ok(relative) => files.push(relative.to_string_lossy().into_owned()),
                Err(_) => {}
            }
        }
    }
    files
}
