mod raw {
    use lakewright::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Model(f64);

    #[asset]
    #[allow(private_interfaces)]
    pub fn model() -> Model {
        Model(0.5)
    }
}

fn main() {}
