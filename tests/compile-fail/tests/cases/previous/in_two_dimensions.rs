use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
struct Span {
    from: Day,
    to: Day,
}

#[asset(partitions = Span)]
fn rise(#[input(previous, mapping = dimensions(from = offset(-1), to = offset(-1)))] before: Option<f64>) -> f64 {
    let _ = before;
    20.5
}

#[asset]
fn after(rise: f64) -> f64 {
    rise
}

fn main() {}
