use lakewright::prelude::*;

mod raw {
    use lakewright::prelude::*;

    #[asset]
    pub fn stations(#[input(from = super::counts)] earlier: i64) -> i64 {
        earlier
    }
}
use raw::stations as names;

#[asset]
fn counts(names: i64) -> i64 {
    names
}

fn main() {}
