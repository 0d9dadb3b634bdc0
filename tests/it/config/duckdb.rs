//! A DuckDB database as a store and as a resource of one file.

use lakewright::duckdb::DuckDb;
use lakewright::prelude::*;

use super::file;
use crate::support::{run_all, visible_files};

#[asset(io_manager = "warehouse", schema = "shop")]
fn orders() -> Result<DataFrame> {
    Ok(df!("amount" => [1i64, 2, 3])?)
}

#[asset(io_manager = "memory", deps = [orders])]
fn total(warehouse: Resource<DuckDb>) -> Result<i64> {
    let frame: DataFrame = warehouse.connection()?.query("SELECT CAST(sum(amount) AS BIGINT) AS total FROM shop.orders")?;
    Ok(frame.column("total")?.i64()?.get(0).unwrap_or_default())
}

#[test]
fn a_store_and_a_resource_are_one_database() {
    let database = "kind = \"duckdb\"\ndatabase = \"warehouse.duckdb\"\nsettings = { threads = 2 }\nwait = \"5s\"\n";
    let configured = file(&format!("[stores.memory]\n[stores.warehouse]\n{database}[resources.warehouse]\n{database}"));
    let builder = configured.builder(&[]).registry(Registry::of(assets![orders, total]));
    let lakehouse = builder.build().unwrap();
    assert_eq!(visible_files(configured.folder.path()), ["lakewright.toml"], "building opens nothing");
    run_all(&lakehouse);
    let stored = crate::support::block_on(lakehouse.load(&"total".parse().unwrap())).unwrap().unwrap();
    let lakewright::Value::Object(stored) = stored else { panic!("an object was stored") };
    assert_eq!(stored.decode::<i64>().unwrap(), 6);
}

#[test]
fn mistakes_have_their_place() {
    let said = super::mistakes("[stores.warehouse]\nkind = \"duckdb\"\ndatabse = \"a\"\nwait = \"soon\"\noptions = { a = 1 }\n");
    for wanted in ["did you mean `database`?", "lakewright.toml:4:1", "not a time with a unit"] {
        assert!(said.iter().any(|said| said.contains(wanted)), "{wanted}: {said:#?}");
    }
}
