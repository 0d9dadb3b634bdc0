//! The rules find what is wrong with a store: for each mistake, one that is kept without it and not with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::future::BoxFuture;
use lakewright::CommitId;
use lakewright::asset::Mode;
use lakewright::conformance::{Open, Place, check};
use lakewright::env::Env;
use lakewright::frame::Frame;
use lakewright::io::memory::MemoryIoManager;
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, Present, Staged, StoreRequest,
};
use lakewright::partition::PartitionKey;
use lakewright::prelude::*;
use lakewright::{AssetSpec, Slice, Value};

/// What is wrong with the store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    CommitsAgain,
    ForgetsNumbers,
    ShowsWhatIsStaged,
    DiscardRemoves,
    ReadsEveryColumn,
    TurnsRows,
    TakesStrays,
    AlwaysOverwrites,
    SaysIgnoredOfNothing,
    EverythingIsPresent,
    EmptyIsMissing,
    PartitionsAreMixed,
    OnePlaceForAll,
    DeletesEverything,
    WrongRows,
}

/// The memory store, with a mistake.
struct Broken {
    store: MemoryIoManager,
    mistake: Mistake,
}

impl Broken {
    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }
}

#[async_trait::async_trait]
impl IoManager for Broken {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        if self.is(Mistake::OnePlaceForAll) { Ok(Location::new("here")) } else { self.store.locate(asset, slice) }
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let request = if self.is(Mistake::ReadsEveryColumn) { request.columns(None) } else { request };
        Ok(match self.store.load(request).await? {
            Some(Value::Table(table)) if self.is(Mistake::TurnsRows) => {
                let frame = DataFrame::from_table(table)?;
                Some(Value::Table(frame.lazy().reverse().into_table()))
            }
            other => other,
        })
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        match request.keys()? {
            Some(keys) if self.is(Mistake::EverythingIsPresent) => Ok(Present::Keys(keys)),
            _ => self.store.present(request).await,
        }
    }

    async fn load_each(&self, request: LoadRequest<'_>) -> Result<Vec<(PartitionKey, Option<Value>)>> {
        let mut each = self.store.load_each(request).await?;
        if self.is(Mistake::PartitionsAreMixed) {
            each.reverse();
        }
        Ok(each)
    }

    async fn stage(&self, mut request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let mut asset = request.asset.clone();
        if self.is(Mistake::TakesStrays) {
            asset.partition_expr = None;
            request.asset = &asset;
        }
        let staged = self.store.stage(request.clone(), value).await?;
        if self.is(Mistake::ShowsWhatIsStaged) {
            let id = CommitId::new("early", &request.asset.key, request.slice, 1);
            self.store.commit(request.clone(), vec![staged.clone().slice(request.slice.clone())], &id).await?;
        }
        Ok(staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let mut id = id.clone();
        match self.mistake {
            Mistake::CommitsAgain => id.log = format!("{:x}", request.env.random()),
            Mistake::ForgetsNumbers => id.number = 1,
            _ => {}
        }
        let request = if self.is(Mistake::AlwaysOverwrites) { request.mode(Mode::Overwrite) } else { request };
        let committed = self.store.commit(request, staged, &id).await?;
        Ok(if self.is(Mistake::SaysIgnoredOfNothing) { committed.ignored(None) } else { committed })
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        if self.is(Mistake::DiscardRemoves) {
            self.store.delete(request.clone()).await?;
        }
        self.store.discard(request, staged).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.store.committed(request, ids).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let mut described = self.store.describe(request).await?;
        match self.mistake {
            Mistake::EmptyIsMissing => described.exists &= described.rows != Some(0),
            Mistake::WrongRows => described.rows = described.rows.map(|rows| rows + 1),
            _ => {}
        }
        Ok(described)
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        if self.is(Mistake::DeletesEverything) {
            let mut other = request.asset.clone();
            other.key = "other".parse()?;
            self.store.delete(StoreRequest::new(&other, request.slice, request.run, Arc::clone(&request.env))).await?;
        }
        self.store.delete(request).await
    }

    async fn probe(&self, env: &dyn Env) -> lakewright::io::Probe {
        self.store.probe(env).await
    }
}

macro_rules! mistakes {
    ($($mistake:ident: $($rule:ident),+;)*) => {
        /// How the store with each mistake is opened, and the rules that find it.
        const MISTAKES: &[(Mistake, Open, &[&str])] = &[$((
            Mistake::$mistake,
            |_place: Place| -> BoxFuture<'static, Arc<dyn IoManager>> {
                Box::pin(async { Arc::new(Broken { store: MemoryIoManager::new(), mistake: Mistake::$mistake }) as Arc<dyn IoManager> })
            },
            &[$(stringify!($rule)),+],
        ),)*];
    };
}

mistakes! {
    CommitsAgain: a_commit_is_made_once, a_retry_commits_once, an_older_commit_is_refused, a_retried_append_adds_once;
    ForgetsNumbers: an_older_commit_is_refused, old_partitions_are_refused, overwriting_replaces;
    ShowsWhatIsStaged: what_is_staged_is_not_visible, discarding_leaves_what_readers_see, a_failing_check_changes_nothing;
    DiscardRemoves: discarding_leaves_what_readers_see;
    ReadsEveryColumn: only_the_columns_asked_for_are_read, a_run_reads_columns_and_plans;
    TurnsRows: rows_keep_their_order, rows_of_a_slice_keep_their_order;
    TakesStrays: stray_rows_are_refused, nulls_belong_to_no_slice, a_slice_needs_its_column;
    AlwaysOverwrites: error_refuses_what_is_there, ignore_leaves_what_is_there, append_adds, slices_refuse_together;
    SaysIgnoredOfNothing: ignore_leaves_what_is_there, only_absent_slices_are_written;
    EverythingIsPresent: each_partition_is_its_own, static_slices_are_replaced_alone;
    EmptyIsMissing: a_table_without_rows_is_there;
    PartitionsAreMixed: partitions_are_read_each, slices_are_read_each;
    OnePlaceForAll: locating_touches_nothing, hostile_keys_are_kept_apart, assets_and_partitions_are_kept_apart;
    DeletesEverything: deleting_removes_or_refuses;
    WrongRows: a_description_is_true;
}

#[test]
fn every_mistake_is_found() {
    let sound: Open =
        |_place| Box::pin(async { Arc::new(Broken { store: MemoryIoManager::new(), mistake: Mistake::None }) as _ });
    for (mistake, open, rules) in MISTAKES {
        for rule in *rules {
            check(rule, sound);
            let broken = catch_unwind(AssertUnwindSafe(|| check(rule, *open)));
            let message = broken.expect_err(&format!("{mistake:?} is not found by `{rule}`"));
            let message = message.downcast_ref::<String>().expect("a message");
            assert!(message.contains(&format!("does not keep the rule `{rule}` (behaviours, section ")), "{message}");
        }
    }
}

#[test]
fn a_list_that_leaves_out_an_ability_is_refused() {
    let memory: Open = |_place| Box::pin(async { Arc::new(MemoryIoManager::new()) as _ });
    let refused = |declared: &'static [&'static str]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| lakewright::conformance::check_abilities(declared, memory)));
        *outcome.expect_err("refused").downcast::<String>().expect("a message")
    };
    let all = ["append", "bytes", "error", "ignore", "objects", "snapshots", "tables"];
    lakewright::conformance::check_abilities(&all, memory);
    let said = refused(&["bytes", "error", "ignore", "objects", "snapshots", "tables"]);
    assert!(said.contains("write `[append, bytes, error, ignore, objects, snapshots, tables]`"), "{said}");
    let said = refused(&["append", "bytes", "error", "ignore", "objects", "snapshots", "tables", "versions"]);
    assert!(said.contains("is not what its test says"), "{said}");
    assert!(refused(&["apend"]).contains("there is no ability `apend`"));
}
