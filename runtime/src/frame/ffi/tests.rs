use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::types::{Decimal32Type, Int8Type, Int32Type};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal32Array,
    Decimal128Array, Decimal256Array, DictionaryArray, DurationMicrosecondArray, DurationMillisecondArray,
    DurationNanosecondArray, DurationSecondArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalYearMonthArray, LargeBinaryArray, LargeListArray,
    LargeStringArray, ListArray, MapBuilder, NullArray, RecordBatch, RecordBatchOptions, StringArray, StringBuilder,
    StringViewArray, StructArray, Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    UnionArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Fields, Schema, UnionFields, i256};
use polars::prelude::{
    CategoricalPhysical, Categories, Column, DataFrame, DataType as PolarsType, FrozenCategories, IntoColumn, IntoSeries,
    NamedFrom, Series,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};

use crate::error::Result;
use crate::frame::Frame;
use crate::frame::arrow::RecordBatchStream;

type Half = <arrow::datatypes::Float16Type as arrow::datatypes::ArrowPrimitiveType>::Native;

fn one(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("column", array, true)]).unwrap()
}

fn there(batch: RecordBatch) -> Result<DataFrame> {
    DataFrame::from_table(batch.into_table())
}

fn back(frame: DataFrame) -> Result<RecordBatch> {
    RecordBatch::from_table(frame.into_table())
}

/// An array on its way to Polars and back, as the type it has then.
fn round(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(Arc::clone(back(there(one(Arc::clone(array)))?)?.column(0)))
}

/// Every type that crosses, with a null in the middle and, where there are such, extreme values.
fn columns() -> Vec<(ArrayRef, DataType)> {
    fn pair(array: impl arrow::array::Array + 'static) -> (ArrayRef, DataType) {
        let array: ArrayRef = Arc::new(array);
        let data_type = array.data_type().clone();
        (array, data_type)
    }
    fn becomes(array: impl arrow::array::Array + 'static, data_type: DataType) -> (ArrayRef, DataType) {
        (Arc::new(array), data_type)
    }
    use arrow::datatypes::TimeUnit::{Millisecond, Nanosecond};
    let texts = vec![Some("a"), None, Some(""), Some("longer than the twelve bytes that a view holds itself, ü")];
    let bytes: Vec<Option<&[u8]>> = vec![Some(b"a"), None, Some(b""), Some(b"longer than the twelve bytes of a view\xff\x00")];
    let utc = || Some("UTC".into());
    let inner = StructArray::from(vec![
        (Arc::new(Field::new("n", DataType::Int32, true)), Arc::new(Int32Array::from(vec![Some(1), None, None, Some(4)])) as _),
        (Arc::new(Field::new("t", DataType::Utf8View, true)), Arc::new(StringViewArray::from(texts.clone())) as ArrayRef),
    ]);
    let list = |values: Vec<Option<Vec<Option<i32>>>>| ListArray::from_iter_primitive::<Int32Type, _, _>(values);
    let lists = || vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(3)])];
    let large = DataType::LargeList(Arc::new(Field::new("item", DataType::Int32, true)));
    vec![
        pair(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
        pair(Int8Array::from(vec![Some(i8::MIN), None, Some(i8::MAX), Some(0)])),
        pair(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX), Some(0)])),
        pair(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX), Some(0)])),
        pair(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(UInt8Array::from(vec![Some(u8::MAX), None, Some(0), Some(1)])),
        pair(UInt16Array::from(vec![Some(u16::MAX), None, Some(0), Some(1)])),
        pair(UInt32Array::from(vec![Some(u32::MAX), None, Some(0), Some(1)])),
        pair(UInt64Array::from(vec![Some(u64::MAX), None, Some(0), Some(1)])),
        pair(Float16Array::from(vec![Some(Half::MAX), None, Some(Half::NEG_INFINITY), Some(Half::NEG_ZERO)])),
        pair(Float32Array::from(vec![Some(f32::MIN_POSITIVE), None, Some(f32::NEG_INFINITY), Some(-0.0)])),
        pair(Float64Array::from(vec![Some(f64::MIN_POSITIVE), None, Some(f64::INFINITY), Some(-0.0)])),
        pair(StringViewArray::from(texts.clone())),
        becomes(StringArray::from(texts.clone()), DataType::Utf8View),
        becomes(LargeStringArray::from(texts), DataType::Utf8View),
        pair(BinaryViewArray::from(bytes.clone())),
        becomes(BinaryArray::from(bytes.clone()), DataType::BinaryView),
        becomes(LargeBinaryArray::from(bytes), DataType::BinaryView),
        becomes(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([1, 2]), None, Some([0, 0]), Some([9, 9])].into_iter(), 2)
                .unwrap(),
            DataType::BinaryView,
        ),
        pair(Date32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX), Some(0)])),
        becomes(Date64Array::from(vec![Some(-86_400_000), None, Some(0), Some(1)]), DataType::Timestamp(Millisecond, None)),
        becomes(TimestampSecondArray::from(vec![Some(-1), None, Some(0), Some(1)]), DataType::Timestamp(Millisecond, None)),
        pair(TimestampMillisecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(TimestampMicrosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(TimestampNanosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(TimestampMillisecondArray::from(vec![Some(-1), None, Some(0), Some(1)]).with_timezone("Europe/Berlin")),
        pair(TimestampMicrosecondArray::from(vec![Some(-1), None, Some(0), Some(1)]).with_timezone("UTC")),
        pair(TimestampNanosecondArray::from(vec![Some(-1), None, Some(0), Some(1)]).with_timezone("America/New_York")),
        becomes(
            TimestampNanosecondArray::from(vec![Some(-1), None, Some(0), Some(1)]).with_timezone("+00:00"),
            DataType::Timestamp(Nanosecond, utc()),
        ),
        pair(Time64NanosecondArray::from(vec![Some(0), None, Some(86_399_999_999_999), Some(1)])),
        becomes(Time64MicrosecondArray::from(vec![Some(0), None, Some(86_399_999_999), Some(1)]), DataType::Time64(Nanosecond)),
        becomes(Time32SecondArray::from(vec![Some(0), None, Some(86_399), Some(1)]), DataType::Time64(Nanosecond)),
        becomes(DurationSecondArray::from(vec![Some(-1), None, Some(0), Some(1)]), DataType::Duration(Millisecond)),
        pair(DurationMillisecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(DurationMicrosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(DurationNanosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX), Some(0)])),
        pair(
            Decimal128Array::from(vec![Some(10_i128.pow(38) - 1), None, Some(1 - 10_i128.pow(38)), Some(0)])
                .with_precision_and_scale(38, 10)
                .unwrap(),
        ),
        becomes(
            Decimal32Array::from(vec![Some(-12_345), None, Some(0), Some(1)]).with_precision_and_scale(9, 2).unwrap(),
            DataType::Decimal128(9, 2),
        ),
        becomes(
            Decimal256Array::from(vec![Some(i256::from_i128(-12_345)), None, Some(i256::ZERO), Some(i256::ONE)])
                .with_precision_and_scale(20, 2)
                .unwrap(),
            DataType::Decimal128(20, 2),
        ),
        becomes(list(lists()), large.clone()),
        becomes(LargeListArray::from_iter_primitive::<Int32Type, _, _>(lists()), large),
        pair(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            [Some([Some(1), None]), None, Some([None, None]), Some([Some(3), Some(4)])],
            2,
        )),
        pair(inner),
        pair([Some("a"), None, Some("b"), Some("a")].into_iter().collect::<DictionaryArray<Int32Type>>()),
        pair([Some("a"), None, Some("b"), Some("a")].into_iter().collect::<DictionaryArray<Int8Type>>()),
        becomes(
            DictionaryArray::<Int8Type>::new(
                Int8Array::from(vec![Some(0), None, Some(1), Some(0)]),
                Arc::new(Int64Array::from(vec![7, -7])),
            ),
            DataType::Int64,
        ),
        pair(NullArray::new(4)),
        pair(StructArray::from(vec![
            (Arc::new(Field::new("nothing", DataType::Null, true)), Arc::new(NullArray::new(4)) as ArrayRef),
            (Arc::new(Field::new("n", DataType::Int64, true)), Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ])),
    ]
}

/// What Polars gives back is of this type: dictionaries have Polars' own keys.
fn expected(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => DataType::Dictionary(Box::new(DataType::UInt32), values.clone()),
        other => other.clone(),
    }
}

#[test]
fn every_type_crosses_and_comes_back_with_its_values() {
    for (array, becomes) in columns() {
        let read = round(&array).unwrap_or_else(|error| panic!("{}: {error}", array.data_type()));
        let becomes = expected(&becomes);
        assert!(read.data_type().equals_datatype(&becomes), "{} became {}", array.data_type(), read.data_type());
        let (wanted, found) = (texts_of(&array, &becomes), texts_of(&read, &becomes));
        assert_eq!(found, wanted, "{}", array.data_type());
        assert_eq!(read.logical_null_count(), array.logical_null_count(), "{}", array.data_type());
    }
}

/// The values as text, after a conversion that Arrow itself does.
fn texts_of(array: &ArrayRef, as_type: &DataType) -> Vec<String> {
    let array = cast(array, as_type).unwrap();
    let format = arrow::util::display::FormatOptions::default().with_null("null");
    let formatter = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &format).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

#[test]
fn slices_cross_with_their_offsets() {
    for (array, becomes) in columns() {
        for (offset, length) in [(1, 3), (2, 1), (3, 1), (4, 0), (0, 0)] {
            let slice = array.slice(offset, length);
            let read = round(&slice).unwrap_or_else(|error| panic!("{}: {error}", array.data_type()));
            let becomes = expected(&becomes);
            assert_eq!(texts_of(&read, &becomes), texts_of(&slice, &becomes), "{} from {offset}", array.data_type());
        }
    }
}

#[test]
fn slices_of_polars_cross_with_their_offsets() {
    for (array, becomes) in columns() {
        let frame = there(one(Arc::clone(&array))).unwrap().slice(1, 2);
        let read = back(frame).unwrap();
        let becomes = expected(&becomes);
        assert_eq!(texts_of(read.column(0), &becomes), texts_of(&array.slice(1, 2), &becomes), "{}", array.data_type());
    }
}

#[test]
fn the_values_are_not_copied() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let texts: ArrayRef =
        Arc::new(StringViewArray::from_iter_values((0..1000).map(|n| format!("a text that is long enough {n}"))));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap();
    let read = back(there(batch.clone()).unwrap()).unwrap();
    let start = |batch: &RecordBatch| batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().as_ptr();
    assert_eq!(start(&read), start(&batch));
    let data = |batch: &RecordBatch| batch.column(1).as_string_view().data_buffers()[0].as_ptr();
    assert_eq!(data(&read), data(&batch));
    drop(batch);
    assert_eq!(read.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(999), 999, "and outlive where they came from");
}

#[test]
fn types_that_do_not_cross_name_their_column() {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_value("v");
    map.append(true).unwrap();
    let union = UnionArray::try_new(
        UnionFields::try_new([0], [Field::new("n", DataType::Int32, true)]).unwrap(),
        ScalarBuffer::from(vec![0_i8]),
        None,
        vec![Arc::new(Int32Array::from(vec![1]))],
    );
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(IntervalYearMonthArray::from(vec![1])),
        Arc::new(map.finish()),
        Arc::new(union.unwrap()),
        Arc::new(Decimal256Array::from(vec![i256::ONE]).with_precision_and_scale(60, 2).unwrap()),
        Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(10, -2).unwrap()),
        Arc::new(TimestampSecondArray::from(vec![1]).with_timezone("Mars/Olympus")),
        Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("inner", DataType::Interval(arrow::datatypes::IntervalUnit::YearMonth), true)),
            Arc::new(IntervalYearMonthArray::from(vec![1])) as ArrayRef,
        )])),
    ];
    for array in arrays {
        let error = there(one(Arc::clone(&array))).expect_err(&array.data_type().to_string());
        assert!(error.message().contains("the column `column` of type"), "{}: {error}", array.data_type());
    }
    let wide = Series::new("wide".into(), [1_i64]).cast(&PolarsType::Int128).unwrap();
    let error = back(DataFrame::new_infer_height(vec![wide.into_column()]).unwrap()).unwrap_err();
    assert!(error.message().contains("the column `wide` of type i128"), "{error}");
}

#[test]
fn a_value_that_does_not_fit_is_an_error() {
    for array in
        [Arc::new(TimestampSecondArray::from(vec![i64::MAX])) as ArrayRef, Arc::new(DurationSecondArray::from(vec![i64::MIN]))]
    {
        assert!(there(one(Arc::clone(&array))).is_err(), "{}", array.data_type());
    }
}

#[test]
fn batches_without_rows_or_columns_keep_their_schema_and_their_rows() {
    for (array, becomes) in columns() {
        let schema = one(array).schema();
        let empty = back(there(RecordBatch::new_empty(schema)).unwrap()).unwrap();
        assert_eq!(empty.num_rows(), 0);
        assert!(empty.column(0).data_type().equals_datatype(&expected(&becomes)), "{becomes}");
    }
    let options = RecordBatchOptions::new().with_row_count(Some(5));
    let rows = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
    let frame = there(rows).unwrap();
    assert_eq!((frame.height(), frame.width()), (5, 0));
    assert_eq!(back(frame).unwrap().num_rows(), 5);
}

#[test]
fn categories_and_enums_stay_what_they_are() {
    let text = Series::new("c".into(), [Some("b"), None, Some("a"), Some("b")]);
    let frozen = FrozenCategories::new(["a", "b"]).unwrap();
    let named = Categories::new("letters".into(), "tests".into(), CategoricalPhysical::U8);
    for data_type in [
        PolarsType::from_frozen_categories(frozen),
        PolarsType::from_categories(named),
        PolarsType::from_categories(Categories::global()),
    ] {
        let column: Column = text.cast(&data_type).unwrap().into_column();
        let lists = column.as_materialized_series().implode().unwrap().into_series().with_name("l".into()).into_column();
        for column in [column, lists] {
            let frame = DataFrame::new_infer_height(vec![column]).unwrap();
            let batch = back(frame.clone()).unwrap();
            let values = |t: &DataType| matches!(t, DataType::Dictionary(_, values) if **values == DataType::Utf8);
            match batch.column(0).data_type() {
                DataType::LargeList(inner) => assert!(values(inner.data_type())),
                other => assert!(values(other), "{other}"),
            }
            let read = there(batch).unwrap();
            assert_eq!(read.schema(), frame.schema());
            assert!(read.equals_missing(&frame));
        }
    }
}

/// A stream of the column, read by Polars from the file that it is kept in.
fn through_a_file(batch: RecordBatch) -> DataFrame {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let job = move || {
        let folder = tempfile::tempdir().unwrap();
        let stream =
            RecordBatchStream::from_batches(batch.schema(), [Ok(batch.slice(0, 1)), Ok(batch.slice(1, batch.num_rows() - 1))]);
        let (table, spool) = stream.into_table().into_polars_in(folder.path()).unwrap();
        assert!(spool.is_some());
        table.into_eager().unwrap()
    };
    runtime.block_on(runtime.spawn_blocking(job)).unwrap()
}

#[test]
fn a_file_that_keeps_a_stream_loses_no_type() {
    for (array, _) in columns() {
        let name = array.data_type().to_string();
        let direct = there(one(Arc::clone(&array))).unwrap();
        let read = through_a_file(one(array));
        assert_eq!(read.schema(), direct.schema(), "{name}");
        assert!(read.equals_missing(&direct), "{name}: {read} and {direct}");
    }
    let text = Series::new("c".into(), [Some("b"), None, Some("a")]);
    let frozen = PolarsType::from_frozen_categories(FrozenCategories::new(["a", "b"]).unwrap());
    let frame = DataFrame::new_infer_height(vec![text.cast(&frozen).unwrap().into_column()]).unwrap();
    let read = through_a_file(back(frame.clone()).unwrap());
    assert_eq!(read.schema(), frame.schema());
    assert!(read.equals_missing(&frame));
}

#[test]
fn extension_types_cross_as_what_they_are_stored_as() {
    let metadata = HashMap::from([("ARROW:extension:name".to_owned(), "lakewright.test".to_owned())]);
    let field = Field::new("id", DataType::FixedSizeBinary(2), false).with_metadata(metadata);
    let ids = FixedSizeBinaryArray::try_from_iter([[1_u8, 2]].into_iter()).unwrap();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(ids)]).unwrap();
    assert_eq!(there(batch).unwrap().dtypes(), [PolarsType::Binary]);
}

#[test]
fn chunks_cross_as_batches_and_come_back_in_order() {
    let mut frame = DataFrame::new_infer_height(vec![Series::new("n".into(), [1_i64, 2]).into_column()]).unwrap();
    frame.vstack_mut(&DataFrame::new_infer_height(vec![Series::new("n".into(), [3_i64]).into_column()]).unwrap()).unwrap();
    let batches = Vec::<RecordBatch>::from_table(frame.clone().into_table()).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
    assert!(DataFrame::from_table(batches.into_table()).unwrap().equals(&frame));
}

/// A list of structs of texts and lists, from plain values.
type Nested = Vec<Option<Vec<Option<(Option<i64>, Option<String>)>>>>;

fn nested(values: &Nested) -> ArrayRef {
    let flat: Vec<_> = values.iter().flatten().flatten().cloned().collect();
    let valid: Vec<bool> = flat.iter().map(Option::is_some).collect();
    let numbers: Int64Array = flat.iter().map(|item| item.as_ref().and_then(|item| item.0)).collect();
    let texts: StringArray = flat.iter().map(|item| item.as_ref().and_then(|item| item.1.clone())).collect();
    let fields = Fields::from(vec![Field::new("n", DataType::Int64, true), Field::new("t", DataType::Utf8, true)]);
    let items = StructArray::new(fields, vec![Arc::new(numbers), Arc::new(texts)], Some(valid.into()));
    let lengths = values.iter().map(|list| list.as_ref().map_or(0, Vec::len));
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let nulls: Vec<bool> = values.iter().map(Option::is_some).collect();
    Arc::new(ListArray::new(field, arrow::buffer::OffsetBuffer::from_lengths(lengths), Arc::new(items), Some(nulls.into())))
}

fn values_and_slice<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = (Vec<T>, usize, usize)> {
    vec(value, 0..70).prop_flat_map(|values| {
        let rows = values.len();
        (proptest::strategy::Just(values), 0..=rows).prop_flat_map(move |(values, offset)| {
            (proptest::strategy::Just(values), proptest::strategy::Just(offset), 0..=rows - offset)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_numbers_cross((values, offset, length) in values_and_slice(of(any::<i64>()))) {
        let array: ArrayRef = Arc::new(Int64Array::from(values).slice(offset, length));
        let read = round(&array).unwrap();
        prop_assert_eq!(read.as_ref(), array.as_ref());
    }

    #[test]
    fn any_booleans_cross((values, offset, length) in values_and_slice(of(any::<bool>()))) {
        let array: ArrayRef = Arc::new(BooleanArray::from(values).slice(offset, length));
        let read = round(&array).unwrap();
        prop_assert_eq!(read.as_ref(), array.as_ref());
    }

    #[test]
    fn any_texts_cross((values, offset, length) in values_and_slice(of(".{0,20}"))) {
        let array: ArrayRef = Arc::new(StringArray::from(values).slice(offset, length));
        let read = cast(&round(&array).unwrap(), &DataType::Utf8).unwrap();
        prop_assert_eq!(read.as_ref(), array.as_ref());
    }

    #[test]
    fn any_dictionaries_cross((values, offset, length) in values_and_slice(of("[abc]"))) {
        let values: Vec<Option<&str>> = values.iter().map(Option::as_deref).collect();
        let array: ArrayRef = Arc::new(values.into_iter().collect::<DictionaryArray<Int8Type>>().slice(offset, length));
        let read = cast(&round(&array).unwrap(), &DataType::Utf8).unwrap();
        let texts = cast(&array, &DataType::Utf8).unwrap();
        prop_assert_eq!(read.as_ref(), texts.as_ref());
    }

    #[test]
    fn any_decimals_cross((values, offset, length) in values_and_slice(of(-999_999_i32..999_999))) {
        let array = Decimal32Array::from(values).with_precision_and_scale(9, 3).unwrap();
        let array: ArrayRef = Arc::new(array.slice(offset, length));
        let read = cast(&round(&array).unwrap(), &DataType::Decimal32(9, 3)).unwrap();
        prop_assert_eq!(read.as_primitive::<Decimal32Type>(), array.as_primitive::<Decimal32Type>());
    }

    #[test]
    fn any_nested_values_cross((values, offset, length) in values_and_slice(of(vec(of((of(any::<i64>()), of(".{0,20}"))), 0..4)))) {
        let array = nested(&values).slice(offset, length);
        let read = cast(&round(&array).unwrap(), array.data_type()).unwrap();
        prop_assert_eq!(read.as_ref(), array.as_ref());
    }

    #[test]
    fn any_split_into_batches_is_the_same_table((values, cut, _rest) in values_and_slice(of(any::<i32>()))) {
        let array: ArrayRef = Arc::new(Int32Array::from(values));
        let whole = one(array);
        let parts = vec![whole.slice(0, cut), whole.slice(cut, whole.num_rows() - cut)];
        let read = DataFrame::from_table(parts.into_table()).unwrap();
        prop_assert_eq!(read.height(), whole.num_rows());
        let batches = Vec::<RecordBatch>::from_table(read.into_table()).unwrap();
        let read = concat_batches(&batches[0].schema(), &batches).unwrap();
        prop_assert_eq!(read.column(0), whole.column(0));
    }
}
