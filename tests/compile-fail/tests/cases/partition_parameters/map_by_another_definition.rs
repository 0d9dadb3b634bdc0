use lakewright::prelude::*;

#[partitions(keys = ["north", "south"])]
struct Station;

#[partitions]
enum Species {
    #[key = "Iris-setosa"]
    Setosa,
    Versicolor,
}

#[asset(partitions = Station)]
fn readings(station: Partition<Station>) -> f64 {
    station.len() as f64
}

#[asset]
fn mean(readings: Partitions<Species, f64>) -> f64 {
    readings.into_values().sum()
}

fn main() {}
