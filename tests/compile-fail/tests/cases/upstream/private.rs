use lakewright::prelude::*;

mod raw {
    use lakewright::prelude::*;

    #[asset]
    fn stations() -> Vec<String> {
        vec!["north".into()]
    }
}

#[asset]
fn count(#[input(from = raw::stations)] names: Vec<String>) -> usize {
    names.len()
}

fn main() {}
