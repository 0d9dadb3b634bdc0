use lakewright::prelude::*;

async fn wait() {}

#[asset]
async fn count() -> i64 {
    let shared = std::rc::Rc::new(3);
    wait().await;
    *shared
}

fn main() {}
