//! Partitions as slices of one table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use lakewright::exec::{PartitionChoice, RunReport};
use lakewright::frame::Frame;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind, Mode, Value};

use super::emulator::{Project, text};
use crate::support::{block_on, key};

/// A partitioned asset `t` whose rows the test decides.
struct Sliced {
    project: Project,
    bodies: Arc<Mutex<HashMap<String, DataFrame>>>,
    lakehouse: Lakehouse,
}

impl Sliced {
    fn new(def: PartitionsDef, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> Option<Self> {
        let project = Project::new()?;
        let bodies: Arc<Mutex<HashMap<String, DataFrame>>> = Arc::default();
        let given = Arc::clone(&bodies);
        let asset = with(AssetBuilder::new("t", ValueKind::Table).partitions(def)).body(move |call| {
            let key = call.partition_key().map(|key| key.to_string()).unwrap_or_default();
            let frame = given.lock().unwrap().get(&key).cloned().unwrap();
            async move { call.produce_frame(frame) }
        });
        let lakehouse = project.lakehouse([asset.unwrap()]).build().unwrap();
        Some(Self { project, bodies, lakehouse })
    }

    fn run(&self, all: &[(&str, DataFrame)]) -> RunReport {
        let mut choice = PartitionChoice::none();
        for (key, rows) in all {
            self.bodies.lock().unwrap().insert((*key).to_owned(), rows.clone());
            choice = choice.key(*key);
        }
        self.lakehouse.materialize_for_blocking("t", &choice).unwrap()
    }

    #[track_caller]
    fn write(&self, all: &[(&str, DataFrame)]) -> RunReport {
        let report = self.run(all);
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        report
    }

    fn read(&self, partition: &str) -> Option<DataFrame> {
        block_on(async {
            match self.lakehouse.load_partition(&key("t"), partition).await.unwrap()? {
                Value::Table(table) => Some(tokio::task::spawn_blocking(|| DataFrame::from_table(table).unwrap()).await.unwrap()),
                other => panic!("{other:?}"),
            }
        })
    }
}

fn colored(color: &str, version: i64) -> DataFrame {
    df!("color" => [color; 3], "v" => [version; 3]).unwrap()
}

#[test]
fn a04_each_slice_is_replaced_alone_and_an_emptied_one_is_there() {
    let def = PartitionsDef::fixed("Color", ["red", "blue", "green", "it's `q` \\ \"x\""]).unwrap();
    let Some(table) = Sliced::new(def, |asset| asset.partition_expr("color")) else { return };
    let nasty = "it's `q` \\ \"x\"";
    table.write(&[("red", colored("red", 1))]);
    table.write(&[("blue", colored("blue", 2)), (nasty, colored(nasty, 4))]);
    table.write(&[("red", colored("red", 3))]);
    let rows = table.project.query("SELECT color, v, COUNT(*) FROM public.t GROUP BY 1, 2 ORDER BY 2");
    assert_eq!(
        rows,
        [[text("blue"), text("2"), text("3")], [text("red"), text("3"), text("3")], [text(nasty), text("4"), text("3")]]
    );
    assert!(table.read(nasty).unwrap().equals(&colored(nasty, 4)));
    assert!(table.read("green").is_none());
    table.write(&[(nasty, colored(nasty, 0).clear())]);
    let emptied = table.read(nasty).unwrap();
    assert_eq!((emptied.height(), emptied.schema()), (0, colored("", 0).schema()));
    assert_eq!(table.project.numbers("SELECT COUNT(*) FROM public.t"), [6]);
}

#[test]
fn a_merge_creates_a_slice_that_is_not_there_with_every_row() {
    let def = PartitionsDef::fixed("Color", ["red", "blue", "grey"]).unwrap();
    let update = |asset: AssetBuilder| asset.mode(Mode::Merge).on(["id"]).store_option("when_not_matched", "ignore");
    let Some(table) = Sliced::new(def, |asset| update(asset).partition_expr("LOWER(color)")) else { return };
    let rows = |color: &str, ids: &[i64], v: i64| {
        df!("color" => vec![color; ids.len()], "id" => ids, "v" => vec![v; ids.len()]).unwrap()
    };
    let stored = || table.project.numbers("SELECT id * 10 + v FROM public.t");
    table.write(&[("red", rows("RED", &[1, 2], 1))]);
    table.write(&[("blue", rows("BLUE", &[3, 4], 1))]);
    assert_eq!(stored(), [11, 21, 31, 41]);
    table.write(&[("red", rows("RED", &[2, 5], 2)), ("grey", rows("GREY", &[6, 7], 2))]);
    assert_eq!(stored(), [11, 22, 31, 41, 62, 72]);
    assert_eq!(table.project.numbers("SELECT COUNT(*) FROM public._lakewright_commits"), [3], "each run is one commit");
}

#[test]
fn rows_of_another_slice_are_refused_and_what_was_stored_stays() {
    let def = || PartitionsDef::fixed("Color", ["red", "blue"]).unwrap();
    for expression in ["color", "LOWER(color)"] {
        let Some(table) = Sliced::new(def(), |asset| asset.partition_expr(expression)) else { return };
        table.write(&[("red", colored("red", 1)), ("blue", colored("blue", 1))]);
        let strays = df!("color" => [Some("red"), Some("blue"), None], "v" => [2i64, 2, 2]).unwrap();
        let report = table.run(&[("red", strays)]);
        let failure = report.failures().next().unwrap().1.clone();
        assert_eq!(failure.code, ErrorKind::StrayRows.code());
        assert!(failure.message.contains("2 rows") && failure.message.contains("color"), "{failure:?}");
        assert_eq!(table.project.numbers("SELECT DISTINCT v FROM public.t"), [1], "{expression}");
        assert_eq!(table.project.tables("public"), ["_lakewright_commits", "t"]);
    }
}

#[test]
fn a05_days_of_dates_of_times_and_of_an_expression() {
    let def = || PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-02-01").unwrap());
    let frame = |day: &str, version: i64, to: &DataType| {
        let texts = Series::new("time".into(), [format!("{day} 00:00:00"), format!("{day} 12:00:00"), format!("{day} 23:59:59")]);
        let times = df!("time" => texts, "v" => [version; 3]).unwrap().lazy().with_column(match to {
            DataType::String => col("time"),
            DataType::Date => col("time").str().slice(lit(0), lit(10)).str().to_date(StrptimeOptions::default()),
            to => {
                let unit = Some(TimeUnit::Microseconds);
                col("time").str().to_datetime(unit, None, StrptimeOptions::default(), lit("raise")).cast(to.clone())
            }
        });
        times.collect().unwrap()
    };
    let zoned = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    for (expression, to) in [
        ("time", DataType::Date),
        ("time", DataType::Datetime(TimeUnit::Microseconds, None)),
        ("time", zoned),
        ("CAST(time AS TIMESTAMP)", DataType::String),
    ] {
        let Some(table) = Sliced::new(def(), |asset| asset.partition_expr(expression)) else { return };
        table.write(&[("2023-01-01", frame("2023-01-01", 1, &to)), ("2023-01-03", frame("2023-01-03", 2, &to))]);
        table.write(&[("2023-01-01", frame("2023-01-01", 3, &to))]);
        assert_eq!(table.project.numbers("SELECT v FROM public.t"), [2, 2, 2, 3, 3, 3], "{expression} of {to}");
        assert!(table.read("2023-01-01").unwrap().equals(&frame("2023-01-01", 3, &to)), "{expression} of {to}");
        assert!(table.read("2023-01-02").is_none());
        let report = table.run(&[("2023-01-02", frame("2023-01-03", 4, &to))]);
        assert_eq!(report.failures().next().unwrap().1.code, ErrorKind::StrayRows.code());
    }
}

#[test]
fn a06_two_dimensions_are_never_the_box_around_them() {
    let days = PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-02-01").unwrap());
    let colors = PartitionsDef::fixed("Color", ["red", "blue"]).unwrap();
    let def = PartitionsDef::multi("Both", [("date", days), ("color", colors)]).unwrap();
    let Some(table) = Sliced::new(def, |asset| asset.partition_exprs([("date", "day"), ("color", "color")])) else { return };
    let rows = |key: &str, version: i64| {
        let (color, day) = key.split_once('|').unwrap();
        let frame = df!("day" => [day; 2], "color" => [color; 2], "v" => [version; 2]).unwrap();
        frame.lazy().with_column(col("day").str().to_date(StrptimeOptions::default())).collect().unwrap()
    };
    let (one, two) = ("blue|2023-01-01", "red|2023-01-02");
    let (three, four) = ("red|2023-01-01", "blue|2023-01-02");
    table.write(&[(three, rows(three, 3)), (four, rows(four, 4))]);
    table.write(&[(one, rows(one, 1)), (two, rows(two, 2))]);
    table.write(&[(one, rows(one, 5)), (two, rows(two, 6))]);
    assert_eq!(table.project.numbers("SELECT v FROM public.t"), [3, 3, 4, 4, 5, 5, 6, 6]);
    assert_eq!(
        table.project.numbers("SELECT COUNT(*) FROM public._lakewright_commits"),
        [3],
        "several partitions are one commit"
    );
}
