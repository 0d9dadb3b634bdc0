use lakewright::prelude::*;

mod raw {
    use lakewright::prelude::*;

    #[asset]
    pub fn stations() -> Vec<String> {
        vec!["north".into()]
    }
}

#[asset]
fn count(#[input(from = raw::station)] names: Vec<String>) -> usize {
    names.len()
}

fn main() {}
