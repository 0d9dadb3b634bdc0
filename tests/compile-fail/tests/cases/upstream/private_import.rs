use lakewright::prelude::*;

mod raw {
    use lakewright::prelude::*;

    #[asset]
    fn stations() -> Vec<String> {
        vec!["north".into()]
    }
}
use raw::stations;

#[asset]
fn count(stations: Vec<String>) -> usize {
    stations.len()
}

fn main() {}
