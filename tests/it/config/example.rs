//! The lakehouse example: the same assets under both profiles of its file, which is D02 of the acceptance cases.

use std::path::{Path, PathBuf};

use lakewright::event::EventKind;
use lakewright::prelude::*;

use crate::support::{Heard, read_delta, read_file, run_all, visible_files};

#[path = "../../../examples/lakehouse/assets.rs"]
mod assets;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lakehouse/lakewright.toml")
}

#[test]
fn no_asset_changes_from_profile_to_profile() {
    let mut seen = Vec::new();
    for profile in ["local", "dev"] {
        let root = tempfile::tempdir().unwrap();
        let heard = Heard::default();
        let builder = Lakehouse::builder()
            .registry(Registry::of(assets![assets::sf_temps, assets::daily_temperature_highs]))
            .config_file(example())
            .config_variables([("LAKEWRIGHT_ROOT", root.path().to_str().unwrap())])
            .profile(profile);
        run_all(&heard.listen(builder).build().unwrap());
        let materialized = heard.kinds().iter().filter(|kind| matches!(kind, EventKind::Materialized { .. })).count();
        assert_eq!(materialized, 2, "one event for each asset");
        let visible = visible_files(root.path());
        let highs = if profile == "local" {
            assert!(visible.contains(&"raw/sf_temps.csv".to_owned()), "{visible:?}");
            read_delta(&root.path().join("tables/public/daily_temperature_highs"))
        } else {
            assert_eq!(visible, ["raw/sf_temps.parquet", "tables/daily_temperature_highs.parquet"]);
            read_file(&root.path().join("tables/daily_temperature_highs.parquet"))
        };
        assert_eq!(
            (highs.height(), highs.get_column_names()),
            (365, vec![&PlSmallStr::from("date"), &PlSmallStr::from("max_temp")])
        );
        seen.push(highs);
    }
    assert!(seen[0].equals(&seen[1]), "the same rows in both");
}
