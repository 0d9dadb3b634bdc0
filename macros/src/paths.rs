//! Every runtime path that generated code may name, in one table. All are in one hidden module and absolute, so that nothing the
//! user's module declares or imports can stand in their way.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

macro_rules! table {
    ($($name:ident => $($segment:ident)::+;)*) => {
        $(
            pub(crate) fn $name(span: Span) -> TokenStream {
                quote_spanned!(span=> ::lakewright::__private::$($segment)::+)
            }
        )*
    };
}

table! {
    asset => Asset;
    asset_def => AssetDef;
    asset_shape => AssetShape;
    body_error => body_error;
    cached => partition::Cached;
    call => Call;
    calls => Calls;
    check_column => check_column;
    check_partition_column => check_partition_column;
    check_rows => check_rows;
    column_def => ColumnDef;
    columns => Columns;
    columns_of => ColumnsOf;
    config => config;
    config_parameter => ConfigParameter;
    date => partition::date;
    date_key => partition::date_key;
    dimension_shape => DimensionShape;
    edge => edge;
    every => Every;
    every_dimension => every_dimension;
    input_def => InputDef;
    jiff => jiff;
    known_dimension => known_dimension;
    known_key => known_key;
    literal => Literal;
    map_of => map_of;
    mapped => mapped;
    mapped_dimension => mapped_dimension;
    mapping_def => MappingDef;
    mode => Mode;
    moment => partition::moment;
    moment_key => partition::moment_key;
    native => Native;
    no_key => partition::no_key;
    number => partition::number;
    one_dimension => one_dimension;
    one_expression => one_expression;
    optional_serde => OptionalSerde;
    output => Output;
    own => own;
    partition => Partition;
    partition_definition => PartitionDefinition;
    partition_key => PartitionKey;
    partitions_def => PartitionsDef;
    poisoned => Poisoned;
    previous => previous;
    probe => Probe;
    produced => Produced;
    registered => Registered;
    resource => resource;
    resource_parameter => ResourceParameter;
    result => Result;
    serde => Serde;
    shape => Shape;
    shape_kind => ShapeKind;
    source => Source;
    submit => inventory::submit;
    text => partition::text;
    text_key => partition::text_key;
    time_def => TimeDef;
    time_partitions => TimePartitions;
    unknown => Unknown;
    window => partition::window;
    unknown_columns => UnknownColumns;
}
