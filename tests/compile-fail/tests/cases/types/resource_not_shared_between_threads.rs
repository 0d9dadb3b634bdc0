use lakewright::prelude::*;

struct Connection(std::cell::Cell<i64>);

#[asset]
fn count(connection: Resource<Connection>) -> i64 {
    connection.0.get()
}

fn main() {}
