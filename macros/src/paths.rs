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
    body_error => body_error;
    call => Call;
    check_column => check_column;
    check_partition_column => check_partition_column;
    check_rows => check_rows;
    column_def => ColumnDef;
    columns => Columns;
    columns_of => ColumnsOf;
    config => config;
    config_parameter => ConfigParameter;
    input_def => InputDef;
    literal => Literal;
    mode => Mode;
    native => Native;
    optional_serde => OptionalSerde;
    output => Output;
    poisoned => Poisoned;
    probe => Probe;
    produced => Produced;
    registered => Registered;
    resource => resource;
    resource_parameter => ResourceParameter;
    result => Result;
    serde => Serde;
    source => Source;
    submit => inventory::submit;
    unknown => Unknown;
    unknown_columns => UnknownColumns;
}
