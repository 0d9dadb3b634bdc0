//! Sixteen steps and eight users of one file.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use lakewright::duckdb::DuckDb;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, ValueKind};

use crate::Outcome;

const STEPS: usize = 16;
const USERS: usize = 8;

/// How much each does.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) statements: usize,
}

impl Work {
    /// What a user with a table of its own runs, and then asks.
    fn sql(self, name: &str) -> (Vec<String>, String) {
        let create = format!("CREATE OR REPLACE TABLE {name} (id BIGINT, value DOUBLE)");
        let insert = format!("INSERT INTO {name} SELECT range, sqrt(range) FROM range(1000)");
        let statements = std::iter::once(create).chain(std::iter::repeat_n(insert, self.statements)).collect();
        (statements, format!("SELECT count(*) FROM {name} WHERE value >= 0"))
    }
}

/// A run of sixteen assets, and eight threads with the same resource.
pub(crate) fn lakewright(folder: &Path, work: Work) -> Outcome<u64> {
    let database = DuckDb::open(folder.join("users.duckdb"));
    let lakehouse = Lakehouse::builder()
        .root(folder)
        .registry(Registry::from_specs((0..STEPS).map(|number| step(&database, number, work)).collect::<Result<Vec<_>>>()?))
        .build()?;
    let run = |name: &str| run(&database, name, work);
    let run = &run;
    let of_users = thread::scope(|scope| -> Outcome<u64> {
        let users: Vec<_> = (0..USERS).map(|number| scope.spawn(move || run(&format!("user_{number}")))).collect();
        let report = lakehouse.materialize_blocking("*")?;
        if !report.is_success() {
            return Err(format!("{:?}", report.failures().collect::<Vec<_>>()).into());
        }
        let mut rows = 0;
        for user in users {
            rows += user.join().map_err(|_| "a user panicked")??;
        }
        Ok(rows)
    })?;
    let connection = database.connection()?;
    let mut rows = of_users;
    for number in 0..STEPS {
        rows += connection.query_value::<u64>(&format!("SELECT count(*) FROM step_{number}"), [])?;
    }
    Ok(rows)
}

fn step(database: &DuckDb, number: usize, work: Work) -> Result<AssetSpec> {
    let database = database.clone();
    let body = move |call: Call| {
        let database = database.clone();
        async move {
            let rows = tokio::task::spawn_blocking(move || run(&database, &format!("step_{number}"), work)).await;
            call.produce_object(rows.map_err(|error| Error::new(lakewright::ErrorKind::Panic, error.to_string()))??)
        }
    };
    AssetBuilder::new(&format!("step_{number}"), ValueKind::Object).io_manager("memory").body(body)
}

fn run(database: &DuckDb, name: &str, work: Work) -> Result<u64> {
    let connection = database.connection()?;
    let (statements, question) = work.sql(name);
    for sql in statements {
        connection.execute(&sql)?;
    }
    connection.query_value(&question, [])
}

/// Twenty-four threads with connections from a pool.
pub(crate) fn by_hand(folder: &Path, work: Work) -> Outcome<u64> {
    let first = ::duckdb::Connection::open(folder.join("users.duckdb"))?;
    let pool: Vec<_> = (0..STEPS + USERS).map(|_| first.try_clone()).collect::<Result<_, _>>()?;
    let pool = Mutex::new(pool);
    let run = |name: String| -> Outcome<u64> {
        let taken = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = taken.ok_or("the pool is empty")?;
        let (statements, question) = work.sql(&name);
        for sql in statements {
            connection.execute(&sql, [])?;
        }
        let rows = connection.query_row(&question, [], |row| row.get(0))?;
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(rows)
    };
    let run = &run;
    thread::scope(|scope| {
        let names = (0..STEPS).map(|n| format!("step_{n}")).chain((0..USERS).map(|n| format!("user_{n}")));
        let users: Vec<_> = names.map(|name| scope.spawn(move || run(name))).collect();
        let mut rows = 0;
        for user in users {
            rows += user.join().map_err(|_| "a thread panicked")??;
        }
        Ok(rows)
    })
}
