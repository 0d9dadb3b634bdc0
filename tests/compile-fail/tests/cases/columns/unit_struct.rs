use lakewright::prelude::*;

#[derive(Columns)]
struct Reading;

fn main() {}
