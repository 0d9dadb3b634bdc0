use lakewright::prelude::*;

#[asset]
fn count(context: Context) -> i64 {
    context.attempt().into()
}

#[asset]
fn twice(count: i64) -> i64 {
    2 * count
}

fn main() {}
