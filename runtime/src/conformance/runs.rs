//! Sections 1, 4 and 5, as runs of a lakehouse see a store.

use std::sync::{Arc, Mutex, PoisonError};

use super::bench::{Bench, producing, succeeded};
use super::breach::{Breach, Verdict};
use super::content::{Content, sample};
use super::tables;
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::call::{Call, Produced};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Materialization};
use crate::exec::RunReport;
use crate::lakehouse::Lakehouse;
use crate::slice::Slice;
use crate::value::{Object, Value};

const WHOLE: &Slice = &Slice::Whole;

pub(super) async fn a_run_stores_what_the_next_reads(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let first = producing(AssetBuilder::new("first", kind), kind, 1)?;
    let second = passing("second", "first", kind)?;
    let third = passing("third", "second", kind)?;
    let lakehouse = bench.lakehouse([third.clone(), first.clone(), second.clone()]).build()?;
    for _ in 0..2 {
        let report = lakehouse.materialize("*").await?;
        succeeded(&report)?;
        let materialized: Vec<&Materialization> = report.materializations().collect();
        ensure!(materialized.len() == 3, "{} of 3 assets were materialized", materialized.len());
        for one in materialized {
            let location = bench.store.locate(lakehouse_asset(&lakehouse, one)?, WHOLE)?;
            let said = &one.location;
            ensure!(location.as_str() == said, "the run says that `{}` is at `{said}`, and it is at `{location}`", one.asset);
            let wanted = match Content::sample(kind, 1)? {
                Content::Rows(rows) => Some(rows.len() as u64),
                _ => None,
            };
            ensure!(one.rows == wanted, "the run says {:?} rows of {kind} with {wanted:?} (`Staged::rows`)", one.rows);
        }
    }
    // Alone, it reads the store, and not what a run handed over.
    succeeded(&bench.lakehouse([third.clone(), first, second]).build()?.materialize("third").await?)?;
    bench.expect_sample(&third, WHOLE, 1, "after two runs of three assets and one of the last").await?;
    Ok(())
}

fn lakehouse_asset<'a>(lakehouse: &'a Lakehouse, one: &Materialization) -> Verdict<&'a AssetSpec> {
    let found = lakehouse.graph().assets().find(|asset| asset.key == one.asset);
    found.map(|asset| &**asset).ok_or_else(|| Breach::new(format!("there is no asset `{}`", one.asset)))
}

/// An asset that stores what it is handed.
fn passing(name: &str, of: &'static str, kind: ValueKind) -> Verdict<AssetSpec> {
    let body = move |call: Call| async move {
        call.blocking(move |mut call| {
            let value = match kind {
                ValueKind::Table => tables::taken(&mut call, of)?,
                ValueKind::Bytes => Value::Bytes(call.bytes(of)?),
                _ => Value::Object(Object::new(call.object::<serde_json::Value>(of)?)),
            };
            Ok(Produced::value(value))
        })
        .await
    };
    Ok(AssetBuilder::new(name, kind).input(of).body(body)?)
}

pub(super) async fn a_failing_body_changes_nothing(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    succeeded(&bench.lakehouse([producing(AssetBuilder::new("value", kind), kind, 1)?]).build()?.materialize("*").await?)?;
    let bad = AssetBuilder::new("value", kind).body(|_| async { Err(Error::new(ErrorKind::Body, "not today")) })?;
    let report = bench.lakehouse([bad.clone()]).build()?.materialize("*").await?;
    ensure!(!report.is_success(), "a body failed and the run succeeded");
    bench.expect_sample(&bad, WHOLE, 1, "after a body failed").await?;
    let panics = AssetBuilder::new("value", kind).body(|_| async { panic!("conformance: this panic is meant") })?;
    let report = bench.lakehouse([panics]).build()?.materialize("*").await?;
    ensure!(!report.is_success(), "a body panicked and the run succeeded");
    bench.expect_sample(&bad, WHOLE, 1, "after a body panicked").await?;
    Ok(())
}

pub(super) async fn a_failing_check_changes_nothing(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let value = |n| producing(AssetBuilder::new("value", kind), kind, n);
    succeeded(&bench.lakehouse([value(1)?]).build()?.materialize("*").await?)?;
    let before = bench.describe(&value(1)?, WHOLE).await?;
    let refusing = bench.lakehouse([value(2)?]).before_commit(|_| Err(Error::new(ErrorKind::Value, "not good enough")));
    let report = refusing.build()?.materialize("*").await?;
    ensure!(!report.is_success(), "a check failed and the run succeeded");
    bench.expect_sample(&value(1)?, WHOLE, 1, "after a check refused what was staged").await?;
    let after = bench.describe(&value(1)?, WHOLE).await?;
    ensure!(before == after, "what a check refused changed what is stored: {before:?} became {after:?}");
    Ok(())
}

pub(super) async fn nothing_produced_keeps_what_is_there(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let nothing = || AssetBuilder::new("value", kind).optional().body(|_| async { Ok(Produced::nothing()) });
    let reader = || {
        let body = |call: Call| async move {
            let text = if call.has("value") { "something" } else { "nothing" };
            call.context().add_metadata("found", text);
            Ok(Produced::nothing())
        };
        AssetBuilder::new("reader", ValueKind::Nothing).optional_input("value").body(body)
    };
    let empty = run(bench, [nothing()?, reader()?]).await?;
    ensure!(!bench.describe(&nothing()?, WHOLE).await?.exists, "`None` was stored");
    ensure!(
        empty.iter().any(|kind| matches!(kind, EventKind::InputMissing { .. })),
        "an optional input of which nothing is stored has to be missing: `load` has to give `None`"
    );
    run(bench, [producing(AssetBuilder::new("value", kind), kind, 1)?]).await?;
    let kept = run(bench, [nothing()?, reader()?]).await?;
    bench.expect_sample(&nothing()?, WHOLE, 1, "after a run produced nothing").await?;
    ensure!(
        !kept.iter().any(|kind| matches!(kind, EventKind::InputMissing { .. })),
        "an optional input of which something is stored was missing"
    );
    let skipped = kept.iter().any(|kind| matches!(kind, EventKind::OutputSkipped { .. }));
    ensure!(skipped, "no event says that nothing was produced");
    Ok(())
}

/// Runs everything, and says what the run said.
async fn run(bench: &Bench, assets: impl IntoIterator<Item = AssetSpec>) -> Verdict<Vec<EventKind>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    let listen = move |event: &Event| hearing.lock().unwrap_or_else(PoisonError::into_inner).push(event.kind.clone());
    let report: RunReport = bench.lakehouse(assets).subscribe(listen).build()?.materialize("*").await?;
    succeeded(&report)?;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(heard)
}

pub(super) async fn a_missing_input_is_an_error(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let theirs = AssetBuilder::new("theirs", kind).external()?;
    let ours = passing("ours", "theirs", kind)?;
    let lakehouse = bench.lakehouse([theirs.clone(), ours.clone()]).build()?;
    let report = lakehouse.materialize("ours").await?;
    let failure = report.failures().next().map(|(_, failure)| failure.clone());
    let Some(failure) = failure else { return Err(Breach::new("an input of which nothing is stored was no error")) };
    let wanted = ErrorKind::Missing.code();
    ensure!(failure.code == wanted, "an input of which nothing is stored is {wanted}, and was {failure:?}");
    let said = format!("{} {:?}", failure.message, failure.context);
    ensure!(said.contains("theirs"), "the error does not name the asset that should have made it: {failure:?}");
    ensure!(!bench.describe(&ours, WHOLE).await?.exists, "a step failed and stored something");
    // Somebody else stores it, in a way that this store reads.
    bench.put_sample(&theirs, WHOLE, 4, 1).await?;
    succeeded(&lakehouse.materialize("ours").await?)?;
    bench.expect_sample(&ours, WHOLE, 4, "after the external asset was there").await?;
    Ok(())
}

pub(super) async fn what_it_cannot_do_is_refused(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let refused = |builder: AssetBuilder, wanted: ErrorKind, what: &str| -> Verdict {
        match bench.lakehouse([producing(builder, kind, 1)?]).build() {
            Ok(_) => Err(Breach::new(format!("{what} has to be refused before anything runs, and was not"))),
            Err(error) if error.errors().iter().any(|error| error.kind() == wanted) => Ok(()),
            Err(error) => Err(Breach::new(format!("{what} has to be refused as `{wanted:?}`, and was as {error}"))),
        }
    };
    let asset = || AssetBuilder::new("value", kind);
    refused(asset().store_option("no_such_option", "x"), ErrorKind::StoreOption, "an option that the store does not publish")?;
    for option in bench.can.options {
        let what = format!("a value that the option `{}` does not take", option.name);
        refused(asset().store_option(option.name, 1.5), ErrorKind::StoreOption, &what)?;
    }
    for (name, mode) in Mode::NAMES.into_iter().filter(|(_, mode)| !bench.can.modes.contains(mode)) {
        refused(asset().mode(mode).on(["n"]), ErrorKind::NotHonoured, &format!("`mode = \"{name}\"`"))?;
    }
    for kind in [ValueKind::Table, ValueKind::Object, ValueKind::Bytes] {
        if bench.can.values.contains(&kind) {
            continue;
        }
        let asset = AssetBuilder::new("value", kind).body(|_| async { Ok(Produced::nothing()) })?;
        let outcome = bench.lakehouse([asset.clone()]).build();
        let kinds = outcome.err().map(|error| error.errors().iter().map(Error::kind).collect::<Vec<_>>()).unwrap_or_default();
        ensure!(
            kinds.contains(&ErrorKind::StoreCannotHold),
            "{kind} is not among the values of the store, and it was not refused"
        );
        // Whoever does not ask the capabilities first is refused too.
        let Ok(value) = sample(kind, 1) else { continue };
        let outcome: Result<_> = bench.put(&asset, WHOLE, value, 1).await;
        ensure!(outcome.is_err(), "{kind} is not among the values of the store, and `stage` took it");
    }
    Ok(())
}
