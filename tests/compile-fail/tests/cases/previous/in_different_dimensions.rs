use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01")]
struct Day;

#[partitions]
struct Span {
    from: Day,
    to: Day,
}

#[asset(partitions = Span)]
fn rise(
    #[input(previous, mapping = dimensions(from = offset(-1)))] later: Option<f64>,
    #[input(previous, mapping = dimensions(to = offset(-1)))] shorter: Option<f64>,
) -> f64 {
    let _ = (later, shorter);
    20.5
}

#[asset]
fn after(rise: f64) -> f64 {
    rise
}

fn main() {}
