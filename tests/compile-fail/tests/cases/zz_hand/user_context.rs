use lakewright::asset;

struct Context;

#[asset]
fn greeting(context: &Context) -> String {
    let _ = context;
    "a".into()
}

fn main() {}
