use lakewright::prelude::*;

#[asset]
async fn greeting() -> std::rc::Rc<String> {
    std::rc::Rc::new("a".into())
}

fn main() {}
