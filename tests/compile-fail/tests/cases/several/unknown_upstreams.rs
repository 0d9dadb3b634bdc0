use lakewright::prelude::*;

#[asset]
fn stations() -> Vec<String> {
    vec!["north".into()]
}

#[asset]
fn count(statoins: Vec<String>) -> usize {
    statoins.len()
}

#[asset(deps = [statons])]
fn report(count: usize, weather: DataFrame) -> usize {
    count + weather.height()
}

fn main() {}
