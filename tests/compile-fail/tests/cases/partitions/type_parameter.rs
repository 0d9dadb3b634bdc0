use lakewright::prelude::*;

#[partitions(keys = ["a"])]
struct Station<T>(std::marker::PhantomData<T>);

fn main() {}
