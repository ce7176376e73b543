//! Values on their way from the server.

use std::error::Error as StdError;

use bytes::Buf;
use postgres_protocol::types::{self as wire, RangeBound};
use tokio_postgres::types::{FromSql, Type};

use crate::bindings::spin::postgres::postgres::{DbDataType, DbValue, Interval, RangeBoundKind};
use crate::{calendar, numeric};

type Bound<T> = Option<(T, RangeBoundKind)>;

/// What a column holds.
pub(crate) fn data_type(ty: &Type) -> DbDataType {
    match *ty {
        Type::BOOL => DbDataType::Boolean,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::BYTEA => DbDataType::Binary,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        Type::INTERVAL => DbDataType::Interval,
        _ => DbDataType::Other(ty.name().to_owned()),
    }
}

/// A value of a row. What has no form in the WIT, such as an infinite date or an
/// empty range, is `unsupported` with its bytes.
pub(crate) struct Cell(pub(crate) DbValue);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let value = read(ty, raw);
        Ok(Self(
            value.unwrap_or_else(|| DbValue::Unsupported(raw.to_vec())),
        ))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(DbValue::DbNull))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read(ty: &Type, raw: &[u8]) -> Option<DbValue> {
    Some(match *ty {
        Type::BOOL => DbValue::Boolean(wire::bool_from_sql(raw).ok()?),
        Type::INT2 => DbValue::Int16(wire::int2_from_sql(raw).ok()?),
        Type::INT4 => DbValue::Int32(int4(raw)?),
        Type::INT8 => DbValue::Int64(int8(raw)?),
        Type::FLOAT4 => DbValue::Floating32(wire::float4_from_sql(raw).ok()?),
        Type::FLOAT8 => DbValue::Floating64(wire::float8_from_sql(raw).ok()?),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbValue::Str(text(raw)?),
        Type::BYTEA => DbValue::Binary(raw.to_vec()),
        Type::DATE => DbValue::Date(calendar::date(wire::date_from_sql(raw).ok()?)?),
        Type::TIME => DbValue::Time(calendar::time(wire::time_from_sql(raw).ok()?)?),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            DbValue::Datetime(calendar::moment(wire::timestamp_from_sql(raw).ok()?)?)
        }
        Type::UUID => DbValue::Uuid(uuid::Uuid::from_slice(raw).ok()?.to_string()),
        // The first byte is the version of the form; there is one.
        Type::JSONB => DbValue::Jsonb(raw.strip_prefix(&[1])?.to_vec()),
        Type::NUMERIC => DbValue::Decimal(numeric::decode(raw)?),
        Type::INT4_RANGE => DbValue::RangeInt32(range(raw, int4)?),
        Type::INT8_RANGE => DbValue::RangeInt64(range(raw, int8)?),
        Type::NUM_RANGE => DbValue::RangeDecimal(range(raw, numeric::decode)?),
        Type::INT4_ARRAY => DbValue::ArrayInt32(array(raw, int4)?),
        Type::INT8_ARRAY => DbValue::ArrayInt64(array(raw, int8)?),
        Type::NUMERIC_ARRAY => DbValue::ArrayDecimal(array(raw, numeric::decode)?),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => {
            DbValue::ArrayStr(array(raw, text)?)
        }
        Type::INTERVAL => DbValue::Interval(interval(raw)?),
        _ => return None,
    })
}

fn int4(raw: &[u8]) -> Option<i32> {
    wire::int4_from_sql(raw).ok()
}

fn int8(raw: &[u8]) -> Option<i64> {
    wire::int8_from_sql(raw).ok()
}

fn text(raw: &[u8]) -> Option<String> {
    wire::text_from_sql(raw).ok().map(str::to_owned)
}

fn interval(mut raw: &[u8]) -> Option<Interval> {
    Some(Interval {
        micros: raw.try_get_i64().ok()?,
        days: raw.try_get_i32().ok()?,
        months: raw.try_get_i32().ok()?,
    })
}

/// `None` for an empty range, too: without bounds it would mean everything.
fn range<T>(raw: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<(Bound<T>, Bound<T>)> {
    let wire::Range::Nonempty(lower, upper) = wire::range_from_sql(raw).ok()? else {
        return None;
    };
    let bound = |bound: RangeBound<Option<&[u8]>>| {
        let (raw, kind) = match bound {
            RangeBound::Unbounded => return Some(None),
            RangeBound::Inclusive(raw) => (raw, RangeBoundKind::Inclusive),
            RangeBound::Exclusive(raw) => (raw, RangeBoundKind::Exclusive),
        };
        Some(Some((read(raw?)?, kind)))
    };
    Some((bound(lower)?, bound(upper)?))
}

/// `None` for an array of several dimensions, too.
fn array<T>(mut raw: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<Option<T>>> {
    let dimensions = raw.try_get_i32().ok()?;
    // Whether there are nulls, and the type of the elements, which we know.
    let _ = (raw.try_get_i32().ok()?, raw.try_get_u32().ok()?);
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let count = raw.try_get_i32().ok()?;
    let _first_index = raw.try_get_i32().ok()?;
    if dimensions != 1 {
        return None;
    }
    let mut values = Vec::new();
    for _ in 0..count {
        let Ok(length) = usize::try_from(raw.try_get_i32().ok()?) else {
            values.push(None);
            continue;
        };
        let (element, rest) = raw.split_at_checked(length)?;
        values.push(Some(read(element)?));
        raw = rest;
    }
    Some(values)
}

/// Bytes that a value takes here, with what it holds.
pub(crate) fn size_bytes(value: &DbValue) -> usize {
    let held = match value {
        DbValue::Str(text) | DbValue::Uuid(text) | DbValue::Decimal(text) => text.len(),
        DbValue::Binary(bytes) | DbValue::Jsonb(bytes) | DbValue::Unsupported(bytes) => bytes.len(),
        DbValue::RangeDecimal((lower, upper)) => {
            let of = |bound: &Bound<String>| bound.as_ref().map_or(0, |(text, _)| text.len());
            of(lower) + of(upper)
        }
        DbValue::ArrayInt32(values) => size_of_val(values.as_slice()),
        DbValue::ArrayInt64(values) => size_of_val(values.as_slice()),
        DbValue::ArrayDecimal(values) | DbValue::ArrayStr(values) => {
            let texts = values.iter().flatten().map(String::len).sum::<usize>();
            size_of_val(values.as_slice()) + texts
        }
        _ => 0,
    };
    size_of::<DbValue>() + held
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_form_is_unsupported_with_its_bytes() {
        for (ty, raw) in [
            (Type::DATE, &i32::MAX.to_be_bytes()[..]),
            (Type::TIMESTAMPTZ, &i64::MAX.to_be_bytes()[..]),
            (Type::INT4_RANGE, &[1][..]),
            (Type::JSON, &b"{}"[..]),
            (Type::JSONB, &b"\x02{}"[..]),
            (Type::INT8, &[0][..]),
        ] {
            let Ok(Cell(DbValue::Unsupported(bytes))) = Cell::from_sql(&ty, raw) else {
                panic!("{ty} is read from {raw:?}");
            };
            assert_eq!(bytes, raw);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for ty in [
                Type::BOOL, Type::INT4, Type::TEXT, Type::DATE, Type::TIME, Type::TIMESTAMP,
                Type::UUID, Type::JSONB, Type::NUMERIC, Type::INT8_RANGE, Type::NUM_RANGE,
                Type::INT4_ARRAY, Type::NUMERIC_ARRAY, Type::TEXT_ARRAY, Type::INTERVAL,
            ] {
                prop_assert!(Cell::from_sql(&ty, &bytes).is_ok());
            }
        }
    }
}
