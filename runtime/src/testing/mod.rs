//! Unit tests of assets: a run of some of them in memory, with values in the place of what they are made from.
//!
//! ```
//! use lakewright::Object;
//! use lakewright::prelude::*;
//! use lakewright::testing::TestRun;
//!
//! #[asset(io_manager = "fs")]
//! fn readings() -> Vec<f64> {
//!     unimplemented!("asks a server")
//! }
//!
//! #[asset(io_manager = "fs")]
//! fn mean(context: &Context, readings: Vec<f64>) -> f64 {
//!     context.add_metadata("readings", readings.len() as i64);
//!     readings.iter().sum::<f64>() / readings.len() as f64
//! }
//!
//! let readings = Object::new(vec![1.0, 3.0]);
//! let outcome = TestRun::new().assets(assets![mean]).with("readings", readings).materialize("mean")?;
//! outcome.assert_success().assert_metadata("mean", "readings", 2);
//! assert_eq!(outcome.object::<f64>("mean"), 2.0);
//! # Ok::<(), lakewright::Error>(())
//! ```
//!
//! What a [`TestRun`] is given it checks when it runs; what became of it is a [`TestOutcome`]. Time and randomness are those of a
//! [`TestEnv`]. `docs/testing.md` is the guide.

mod assertions;
mod env;
mod inject;
mod outcome;
mod prepare;
mod run;
mod store;

pub use env::TestEnv;
pub use inject::Inject;
pub use outcome::TestOutcome;
pub use run::TestRun;
