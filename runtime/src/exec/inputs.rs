//! What a body is handed: each input as its mapping says, from memory where that makes no difference, else from its store.

use std::sync::Arc;

use super::step::StepRun;
use super::workshop::Store;
use crate::asset::{AssetSpec, InputSpec, ValueKind};
use crate::call::InputValue;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::frame::Table;
use crate::frame::check_declared;
use crate::io::{CommitState, LoadRequest, Present, StoreRequest};
use crate::partition::{KeySet, Mapping, PartitionsDef};
use crate::slice::Slice;
use crate::value::Value;

/// How many keys an error or an event names.
const NAMED_KEYS: usize = 10;

/// An input on its way.
struct Wanted<'a> {
    input: &'a InputSpec,
    upstream: &'a Arc<AssetSpec>,
    store: Store<'a>,
}

impl StepRun<'_> {
    /// Loads an input for a call that makes these partitions.
    pub(super) async fn load_input(&self, asset: &AssetSpec, input: &InputSpec, making: Option<&KeySet>) -> Result<InputValue> {
        let (upstream, store) = self.workshop.asset(&input.upstream)?;
        let nothing = || Error::new(ErrorKind::Internal, format!("`{}` is not stored and cannot be loaded", input.upstream));
        let wanted = Wanted { input, upstream, store: store.ok_or_else(nothing)? };
        let loaded = match read_by(asset, input, upstream) {
            None => self.load_whole(asset, &wanted).await,
            Some(def) => Box::pin(self.load_partitions(asset, &wanted, def, making)).await,
        };
        loaded.map_err(|error| wanted.store.blame(error, upstream, &Slice::Whole).with("needed by", format!("`{}`", asset.key)))
    }

    async fn load_whole(&self, asset: &AssetSpec, wanted: &Wanted<'_>) -> Result<InputValue> {
        let Wanted { input, upstream, store } = wanted;
        if let Some(value) = self.handed_over(wanted, &Slice::Whole).await? {
            return Ok(value);
        }
        let request = self.load_request(wanted, &Slice::Whole);
        match store.io.load(request).await? {
            Some(value) => checked(&self.workshop.env, upstream, value, input).await.map(InputValue::One),
            None if input.optional => {
                self.tell_missing(input, None)?;
                Ok(InputValue::Missing)
            }
            None => Err(nothing_stored(asset, upstream)),
        }
    }

    async fn load_partitions(
        &self,
        asset: &AssetSpec,
        wanted: &Wanted<'_>,
        def: &PartitionsDef,
        making: Option<&KeySet>,
    ) -> Result<InputValue> {
        let Wanted { input, upstream, store } = wanted;
        let mapping = match &input.mapping {
            Some(mapping) => mapping.clone(),
            None => Mapping::default_for(Some(def), asset.partitions.as_ref())?,
        };
        let space = self.workshop.space_at(def, self.moment)?;
        let keys = mapping.upstream(making, &space)?;
        let all = mapping == Mapping::All;
        let slice = keys.slice();
        if !input.per_partition
            && !all
            && let Some(value) = self.handed_over(wanted, &slice).await?
        {
            return Ok(value);
        }
        let mut request = self.load_request(wanted, &slice).partitions(Some(def));
        request.all = all;
        let Present::Keys(present) = store.io.present(request.clone()).await? else {
            return Err(Error::new(ErrorKind::Internal, "the store was asked for partitions and answered for the whole"));
        };
        let missing = keys.difference(&present);
        if !missing.is_empty() && !all {
            // An earlier partition of oneself that exists and is missing is never taken for the beginning.
            let may_be_missing = input.allow_missing || (input.optional && present.is_empty() && !input.previous);
            if !may_be_missing {
                return Err(partitions_missing(upstream, &missing, keys.len()));
            }
            self.tell_missing(input, Some(&missing))?;
        }
        if present.is_empty() {
            return self.load_none(asset, wanted, request, all && !keys.is_empty()).await;
        }
        let slice = present.slice();
        let request = LoadRequest { slice: &slice, ..request };
        if input.per_partition {
            let each = store.io.load_each(request).await?;
            let mut values = Vec::with_capacity(each.len());
            for (key, value) in each {
                let Some(value) = value else { continue };
                values.push((key, checked(&self.workshop.env, upstream, value, input).await?));
            }
            return Ok(InputValue::Partitions(values));
        }
        if upstream.output.kind != ValueKind::Table && present.len() > 1 {
            let message = format!("the input `{}` is {} partitions, and not one value", input.parameter, present.len());
            let help = format!("take it as `Partitions<{}, …>`, or map it to one partition", def.name());
            return Err(Error::new(ErrorKind::Value, message).help(help));
        }
        match store.io.load(request).await? {
            Some(value) => checked(&self.workshop.env, upstream, value, input).await.map(InputValue::One),
            None => Err(nothing_stored(asset, upstream)),
        }
    }

    /// None of the partitions is there, and that is no error: nothing, an empty map, or a frame without rows.
    async fn load_none(
        &self,
        asset: &AssetSpec,
        wanted: &Wanted<'_>,
        request: LoadRequest<'_>,
        unusual: bool,
    ) -> Result<InputValue> {
        let Wanted { input, upstream, store } = wanted;
        if input.optional {
            return Ok(InputValue::Missing);
        }
        if unusual && !input.allow_missing {
            return Err(nothing_stored(asset, upstream));
        }
        if input.per_partition {
            return Ok(InputValue::Partitions(Vec::new()));
        }
        if upstream.output.kind != ValueKind::Table {
            let message = format!("there is no partition for the input `{}`", input.parameter);
            return Err(Error::new(ErrorKind::Missing, message).help("take it as an `Option`"));
        }
        let none = Slice::Keys(Arc::default());
        let empty = store.io.load(LoadRequest { slice: &none, ..request }).await?;
        Ok(InputValue::One(empty.unwrap_or_else(|| Value::Table(Table::empty()))))
    }

    /// The value from memory, if this run has just stored it and nobody has stored another since.
    async fn handed_over(&self, wanted: &Wanted<'_>, slice: &Slice) -> Result<Option<InputValue>> {
        let Wanted { input, upstream, store } = wanted;
        let Some(kept) = self.hand_over.get(&upstream.key, slice).filter(|_| input.version.is_none()) else { return Ok(None) };
        let request = StoreRequest::new(upstream, slice, self.run, Arc::clone(&self.workshop.env));
        let still_there = store.io.committed(request, std::slice::from_ref(&kept.commit)).await?;
        let described = store.io.describe(self.load_request(wanted, slice)).await?;
        let newer = kept.version.is_some() && described.version != kept.version;
        if newer || still_there != [CommitState::Committed] {
            return Ok(None);
        }
        let table = kept.rows.table(input.columns.as_deref())?;
        let told = EventKind::InputHandedOver { step: self.step.number, asset: upstream.key.clone(), bytes: kept.bytes };
        self.emit(told)?;
        Ok(Some(InputValue::One(Value::Table(table))))
    }

    fn load_request<'r>(&self, wanted: &Wanted<'r>, slice: &'r Slice) -> LoadRequest<'r> {
        LoadRequest::new(wanted.upstream, slice, Arc::clone(&self.workshop.env))
            .columns(wanted.input.columns.as_deref())
            .version(wanted.input.version)
    }

    fn tell_missing(&self, input: &InputSpec, missing: Option<&KeySet>) -> Result<()> {
        let partitions = missing.map(KeySet::slice);
        let missing = EventKind::InputMissing { step: self.step.number, asset: input.upstream.clone(), partitions };
        self.emit(missing)
    }
}

/// The definition by which an input is read in parts: the upstream's own, or the reader's where it reads the column that the table of
/// an upstream without partitions is partitioned by.
fn read_by<'a>(asset: &'a AssetSpec, input: &InputSpec, upstream: &'a AssetSpec) -> Option<&'a PartitionsDef> {
    let by_column = upstream.partition_expr.is_some() && input.mapping == Some(Mapping::Identity);
    upstream.partitions.as_ref().or_else(|| asset.partitions.as_ref().filter(|_| by_column))
}

/// The value, if it has the columns that the upstream declares.
async fn checked(env: &Arc<dyn Env>, upstream: &AssetSpec, value: Value, input: &InputSpec) -> Result<Value> {
    let Some(declared) = upstream.output.columns else { return Ok(value) };
    let Value::Table(mut table) = value else { return Ok(value) };
    let only = input.columns.clone();
    // The schema of a plan is in the files that it scans.
    let checked = blocking(env, move || check_declared(declared, &mut table, only.as_deref()).map(|()| table)).await;
    checked.map(Value::Table).map_err(|error| error.with("declared by", format!("`{}`", upstream.key)))
}

fn nothing_stored(asset: &AssetSpec, upstream: &AssetSpec) -> Error {
    let error = Error::new(ErrorKind::Missing, format!("nothing is stored for `{}`", upstream.key));
    error.help(if upstream.is_external() {
        "it is external: whoever writes it has not, or writes it elsewhere".to_owned()
    } else {
        format!("materialize it first, or with this asset: `+{}`", asset.key)
    })
}

fn partitions_missing(upstream: &AssetSpec, missing: &KeySet, wanted: u64) -> Error {
    let names = named(missing);
    let message = match (missing.len(), wanted) {
        (1, 1) => format!("the partition {names} of `{}` is missing", upstream.key),
        (count, wanted) => format!("{count} of {wanted} partitions of `{}` are missing: {names}", upstream.key),
    };
    let help = "materialize them first, or let the input leave them out with `#[input(allow_missing)]`";
    Error::new(ErrorKind::Missing, message).help(help)
}

/// The first keys of a set, for people.
pub(crate) fn named(keys: &KeySet) -> String {
    let mut names: Vec<String> = keys.keys().take(NAMED_KEYS).map(|key| format!("`{key}`")).collect();
    if keys.len() > NAMED_KEYS as u64 {
        names.push("…".to_owned());
    }
    names.join(", ")
}
