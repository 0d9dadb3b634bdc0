//! A library crate of assets: what another crate's assets read across the border.

#![forbid(unsafe_code)]

pub mod raw {
    //! What comes in from outside.

    use lakewright::prelude::*;

    /// The names of the stations.
    #[asset]
    pub fn stations() -> Vec<String> {
        vec!["north".to_owned(), "south".to_owned()]
    }

    /// What each station measured, as `station` and `celsius`.
    ///
    /// # Errors
    /// None that could happen.
    #[asset(group = "raw")]
    pub fn measurements(stations: Vec<String>) -> PolarsResult<DataFrame> {
        let celsius: Vec<f64> = (0..stations.len()).map(|index| 10.0 + index as f64).collect();
        df!("station" => stations, "celsius" => celsius)
    }

    /// When the library last looked, as text; nobody else may read it.
    #[asset]
    fn looked_at() -> String {
        "2024-02-29".to_owned()
    }

    /// A summary for the library itself.
    #[asset]
    pub(crate) fn summary(looked_at: String) -> String {
        looked_at
    }
}

pub mod by_station {
    //! What there is for each station.

    use lakewright::prelude::*;

    /// The stations.
    #[partitions(keys = ["north", "south"])]
    pub struct Station;

    /// What a station measured, summed up.
    #[asset(partitions = Station)]
    pub fn sums(station: Partition<Station>) -> f64 {
        station.len() as f64
    }
}
