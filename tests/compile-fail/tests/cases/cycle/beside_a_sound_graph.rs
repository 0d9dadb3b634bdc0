use lakewright::prelude::*;

#[asset]
fn start() -> i64 {
    1
}

#[asset]
fn ping(start: i64, pong: i64) -> i64 {
    start + pong
}

#[asset]
fn pong(ping: i64) -> i64 {
    ping
}

#[asset]
fn end(ping: i64) -> i64 {
    ping
}

fn main() {}
