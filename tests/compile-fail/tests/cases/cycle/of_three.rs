use lakewright::prelude::*;

#[asset]
fn raw(report: LazyFrame) -> LazyFrame {
    report
}

#[asset]
fn clean(raw: LazyFrame) -> LazyFrame {
    raw
}

#[asset]
fn report(clean: LazyFrame) -> LazyFrame {
    clean
}

fn main() {}
