use lakewright::prelude::*;

#[derive(Columns)]
struct Price {
    #[column(decimal(39, 2))]
    amount: f64,
    #[column(decimal(4, 5))]
    tax: f64,
}

fn main() {}
