use lakewright::prelude::*;

mod raw {
    use lakewright::prelude::*;

    #[asset]
    pub fn stations() -> Vec<String> {
        vec!["north".into()]
    }
}

#[asset]
fn count(stations: Vec<String>) -> usize {
    stations.len()
}

fn main() {}
