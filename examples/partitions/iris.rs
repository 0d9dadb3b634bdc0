//! Iris by species: the keys are an enum, so that a body can match on them.

use lakewright::prelude::*;

/// The species of the data set.
#[partitions]
enum Species {
    /// The small one.
    #[key = "Iris-setosa"]
    Setosa,
    /// The one in between.
    #[key = "Iris-versicolor"]
    Versicolor,
    /// The large one.
    #[key = "Iris-virginica"]
    Virginica,
}

/// Measurements of 150 flowers, as they were published.
#[asset(schema = "iris")]
fn flowers() -> Result<LazyFrame> {
    let file = PlRefPath::try_from_path(&lakewright_examples::data("iris.csv"))?;
    Ok(LazyCsvReader::new(file).finish()?)
}

/// The flowers of each species, without repetitions. A run of one species replaces its folder of the table and nothing else.
#[asset(schema = "iris", partitions = Species, partition_expr = "species")]
fn flowers_by_species(flowers: LazyFrame, species: Partition<Species>) -> LazyFrame {
    flowers.filter(col("species").eq(lit(species.key()))).unique_stable(None, UniqueKeepStrategy::First)
}

/// The mean size of the petals of each species.
#[asset(schema = "iris", partitions = Species, partition_expr = "species")]
fn petal_sizes(flowers_by_species: LazyFrame, species: Partition<Species>) -> LazyFrame {
    // What the key means is known to the compiler: a species that is added must be named here too.
    let english = match species.value() {
        Species::Setosa => "bristle-pointed iris",
        Species::Versicolor => "blue flag",
        Species::Virginica => "southern blue flag",
    };
    flowers_by_species
        .group_by([col("species")])
        .agg([col("petal_length_cm").mean(), col("petal_width_cm").mean(), len().cast(DataType::Int64).alias("flowers")])
        .with_column(lit(english).alias("english"))
}
