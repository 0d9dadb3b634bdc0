//! Staging: a Parquet file of the rows, loaded into a table of its own that nobody reads and that vanishes by itself.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use polars::prelude::{Engine, FileWriteFormat, LazyFrame, ParquetReader, ParquetWriteOptions, Schema, SerReader};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{Client, internal};
use super::schema::{self, Def};
use super::sql::Sql;
use super::table::{Place, STAGING};
use crate::asset::{AssetSpec, PartitionExpr};
use crate::env::{Env, blocking, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table as Rows;
use crate::io::files::io_error;
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::sink::{open_file, sink_args};
use crate::io::slicing::{Slicer, Strays};
use crate::io::{Staged, StoreRequest};
use crate::partition::KeySet;

/// How long a staging table that nobody removes stays.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

/// How often a load is begun anew that failed for a reason that passes.
const TRIES: u32 = 3;

/// The payload of something staged for BigQuery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Piece {
    /// The staging table, in the dataset of the table.
    pub(super) table: String,
    pub(super) columns: Vec<Def>,
}

impl Piece {
    pub(super) fn of(staged: &Staged) -> Result<Self> {
        serde_json::from_value(staged.payload.clone())
            .map_err(|error| Error::new(ErrorKind::Internal, "this was not staged by the BigQuery store").source(error))
    }
}

/// A file that is there for as long as it is sent.
struct TemporaryFile {
    path: PathBuf,
    defs: Vec<Def>,
    rows: u64,
    bytes: u64,
    digest: String,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Nobody waits for this, and the file is in a folder for temporary files.
        drop(fs::remove_file(&self.path));
    }
}

/// Writes the rows into a staging table, if all of them belong to the partitions.
pub(super) async fn stage(
    client: &Client,
    place: &Place,
    request: &StoreRequest<'_>,
    asset: &AssetSpec,
    rows: Rows,
) -> Result<Staged> {
    let env = request.env.as_ref();
    let keys = request.keys()?;
    let existing = client.table(env, place).await?;
    let (name, expr) = (format!("lakewright-{}.parquet", unique_id(env)), asset.partition_expr.clone());
    let guarded = keys.clone();
    let write = move || write(&std::env::temp_dir().join(name), rows, guarded.as_ref().zip(expr.as_ref()));
    let file = blocking(&request.env, write).await?;
    if let (Some(existing), SchemaMode::Strict) = (&existing, schema_mode(asset)) {
        check_columns(place, &existing.defs, &file.defs)?;
    }

    // The same rows of the same attempt make the same job, which is found again instead of made twice.
    let identity = format!("{place}\n{}\n{}\n{}\n{}", request.slice, request.run.run, request.run.attempt, file.digest);
    let identity = blake3::hash(identity.as_bytes()).to_hex();
    let staging = place.beside(&format!("{STAGING}{}", &identity[..40]));
    client.create(env, &staging, &file.defs, Some(expiry(env.now()))).await?;
    let load = json!({
        "destinationTable": staging.json(), "schema": { "fields": file.defs }, "sourceFormat": "PARQUET",
        "parquetOptions": { "enableListInference": true },
        "createDisposition": "CREATE_IF_NEEDED", "writeDisposition": "WRITE_TRUNCATE",
    });
    let mut attempt = 1;
    let job = loop {
        let id = format!("lakewright_load_{identity}_{attempt}");
        match client.load(env, &id, load.clone(), &file.path).await? {
            Ok(job) => break job,
            Err(refusal) if refusal.is_passing() && attempt < TRIES => {
                env.sleep(super::client::pause(attempt, env.random())).await;
                attempt += 1;
            }
            Err(refusal) => return Err(refusal.error("load the rows", &staging.to_string())),
        }
    };
    let loaded = job.json["statistics"]["load"]["outputRows"].as_str().and_then(|rows| rows.parse::<u64>().ok());
    if loaded.is_some_and(|loaded| loaded != file.rows) {
        let message = format!("{} rows were sent, and {} arrived in `{staging}`", file.rows, loaded.unwrap_or_default());
        return Err(Error::new(ErrorKind::Io, message).retryable());
    }
    if let Some(keys) = keys.as_ref().filter(|_| !is_by_columns(asset.partition_expr.as_ref(), keys.as_ref(), &file.defs))
        && let Err(error) = refuse_strays(client, env, &staging, &file.defs, asset, keys).await
    {
        // What cannot be removed is seen by nobody, and vanishes.
        drop(client.drop_table(env, &staging).await);
        return Err(error);
    }
    let piece = Piece { table: staging.table, columns: file.defs.clone() };
    let payload = serde_json::to_value(piece).map_err(internal)?;
    Ok(Staged::new(payload).rows(file.rows).bytes(file.bytes).columns(schema::columns(&file.defs)))
}

/// Refuses columns that the table has not, or not so.
pub(super) fn check_columns(place: &Place, table: &[Def], new: &[Def]) -> Result<()> {
    match schema::first_difference(table, new) {
        None => Ok(()),
        Some(difference) => {
            let help = "change the output, or let a run change the columns: `schema_mode = \"merge\"` or \"overwrite\"";
            Err(Error::new(ErrorKind::Schema, difference).with("location", place).help(help))
        }
    }
}

fn expiry(now: Timestamp) -> Timestamp {
    now.checked_add(KEPT).unwrap_or(now)
}

/// Whether all that tells the partitions apart is columns of the frame, so that rows can be looked at on their way.
fn is_by_columns(expr: Option<&PartitionExpr>, keys: Option<&KeySet>, defs: &[Def]) -> bool {
    let (Some(expr), Some(keys)) = (expr, keys) else { return true };
    keys.space().axes().iter().all(|axis| expr.of(axis.name()).is_none_or(|column| defs.iter().any(|def| def.name == column)))
}

/// Writes the rows into a file. Blocks.
fn write(path: &Path, rows: Rows, part: Option<(&KeySet, &PartitionExpr)>) -> Result<TemporaryFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A stream waits in a file, which is there until its rows are in theirs.
    let (rows, _spooled) = rows.into_polars_in(folder)?;
    let mut plan = rows.into_lazy();
    let written = schema::written(&*plan.collect_schema()?)?;
    let sent: Schema = written.iter().map(|column| (column.def.name.as_str().into(), column.polars.clone())).collect();
    let (exprs, defs): (Vec<_>, Vec<_>) = written.into_iter().map(|column| (column.expr, column.def)).unzip();
    let plan = plan.select(exprs);
    let slicer = match part {
        Some((keys, expr)) if is_by_columns(Some(expr), Some(keys), &defs) => Some(Slicer::new(keys, expr, &sent)?),
        _ => None,
    };

    let created = OpenOptions::new().read(true).write(true).create_new(true).open(path);
    let handle = created.map_err(|error| io_error(&error, "create", path))?;
    let mut file = TemporaryFile { path: path.to_owned(), defs, rows: 0, bytes: 0, digest: String::new() };
    match &slicer {
        None => sink(plan, handle)?,
        Some(slicer) => {
            let strays = Strays::default();
            sink(slicer.guard(plan.clone(), &strays), handle)?;
            strays.check(slicer, plan)?;
        }
    }
    let open = || File::open(path).map_err(|error| io_error(&error, "open", path));
    file.rows = ParquetReader::new(open()?).num_rows()? as u64;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open()?).map_err(|error| io_error(&error, "read", path))?;
    (file.bytes, file.digest) = (hasher.count(), hasher.finalize().to_hex().to_string());
    Ok(file)
}

fn sink(plan: LazyFrame, file: File) -> Result<()> {
    let options = FileWriteFormat::Parquet(Arc::new(ParquetWriteOptions::default()));
    plan.sink(open_file(file), options, sink_args())?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}

/// Refuses rows that an expression says belong to other partitions.
async fn refuse_strays(
    client: &Client,
    env: &dyn Env,
    staging: &Place,
    defs: &[Def],
    asset: &AssetSpec,
    keys: &KeySet,
) -> Result<()> {
    let predicate = client.predicate(env, staging, defs, asset, keys).await?;
    let first = |sql: &&str| format!("CAST(ANY_VALUE({sql}) AS STRING)");
    let shown: Vec<String> = predicate.expressions().iter().map(first).collect();
    let sql =
        Sql::text(format!("SELECT CAST(COUNT(*) AS STRING), {} FROM {} WHERE NOT COALESCE(", shown.join(", "), staging.sql()))
            .then(predicate.sql()?)
            .and(", FALSE)");
    let rows = client.few(env, &sql).await?.map_err(|refusal| refusal.error("look at the rows", &staging.to_string()))?;
    let mut cells = rows.into_iter().next().unwrap_or_default().into_iter();
    let count = match cells.next().flatten().as_deref() {
        None | Some("0") => return Ok(()),
        Some("1") => "1 row of the output does not".to_owned(),
        Some(count) => format!("{count} rows of the output do not"),
    };
    let values = predicate.expressions().into_iter().zip(cells).map(|(sql, value)| match value {
        Some(value) => format!("{sql} is `{value}`"),
        None => format!("{sql} is null"),
    });
    let names: Vec<String> = keys.keys().take(3).map(|key| format!("`{key}`")).collect();
    let more = if keys.len() > 3 { ", …" } else { "" };
    let partitions = if keys.len() == 1 { "partition" } else { "partitions" };
    let message = format!(
        "{count} belong to the {partitions} {}{more}: {} in one of them",
        names.join(", "),
        values.collect::<Vec<_>>().join(" and ")
    );
    let help = "return only rows of the partition that is made, for example by a filter on its key";
    Err(Error::new(ErrorKind::StrayRows, message).help(help))
}
