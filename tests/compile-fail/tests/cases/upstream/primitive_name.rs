use lakewright::prelude::*;

#[asset]
fn greeting(str: String) -> String {
    format!("hello {str}")
}

fn main() {}
