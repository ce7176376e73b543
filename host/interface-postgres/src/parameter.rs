//! Values on their way to the server.

use std::error::Error as StdError;

use bytes::{BufMut, BytesMut};
use postgres_protocol::types::{self as wire, RangeBound};
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::bindings::spin::postgres::postgres::{Error, Interval, ParameterValue, RangeBoundKind};
use crate::{calendar, numeric};

type BoxError = Box<dyn StdError + Sync + Send>;
type Bound<T> = Option<(T, RangeBoundKind)>;

/// A value in the form the server wants it. What it is called in the WIT goes
/// with it, for errors.
#[derive(Debug)]
pub(crate) enum Parameter {
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Floating32(f32),
    Floating64(f64),
    Text(String),
    Binary(Vec<u8>),
    Date(i32),
    Time(i64),
    Datetime(i64),
    Timestamp(i64),
    Uuid([u8; 16]),
    Json(Vec<u8>),
    Decimal(Vec<u8>),
    RangeInt32(Bound<i32>, Bound<i32>),
    RangeInt64(Bound<i64>, Bound<i64>),
    RangeDecimal(Bound<Vec<u8>>, Bound<Vec<u8>>),
    ArrayInt32(Vec<Option<i32>>),
    ArrayInt64(Vec<Option<i64>>),
    ArrayDecimal(Vec<Option<Vec<u8>>>),
    ArrayText(Vec<Option<String>>),
    Interval(Interval),
}

/// All parameters of a statement.
///
/// # Errors
/// `bad-parameter` for the first that is not what it says it is.
pub(crate) fn parameters(values: Vec<ParameterValue>) -> Result<Vec<Parameter>, Error> {
    let convert = |(index, value)| {
        Parameter::new(value)
            .map_err(|what| Error::BadParameter(format!("parameter {}: {what}", index + 1)))
    };
    values.into_iter().enumerate().map(convert).collect()
}

impl Parameter {
    fn new(value: ParameterValue) -> Result<Self, String> {
        let no_date = |what: &str| format!("there is no such {what}");
        Ok(match value {
            ParameterValue::DbNull => Self::Null,
            ParameterValue::Boolean(value) => Self::Boolean(value),
            ParameterValue::Int8(value) => Self::Int8(value),
            ParameterValue::Int16(value) => Self::Int16(value),
            ParameterValue::Int32(value) => Self::Int32(value),
            ParameterValue::Int64(value) => Self::Int64(value),
            ParameterValue::Floating32(value) => Self::Floating32(value),
            ParameterValue::Floating64(value) => Self::Floating64(value),
            ParameterValue::Str(value) => Self::Text(value),
            ParameterValue::Binary(value) => Self::Binary(value),
            ParameterValue::Date(value) => {
                Self::Date(calendar::days(value).ok_or_else(|| no_date("date"))?)
            }
            ParameterValue::Time(value) => {
                Self::Time(calendar::micros_of_day(value).ok_or_else(|| no_date("time of day"))?)
            }
            ParameterValue::Datetime(value) => {
                Self::Datetime(calendar::micros(value).ok_or_else(|| no_date("date and time"))?)
            }
            ParameterValue::Timestamp(value) => {
                Self::Timestamp(calendar::micros_of_unix(value).ok_or_else(|| no_date("instant"))?)
            }
            ParameterValue::Uuid(text) => {
                let uuid = uuid::Uuid::parse_str(&text).map_err(|_| "it is no UUID".to_owned())?;
                Self::Uuid(uuid.into_bytes())
            }
            ParameterValue::Jsonb(text) => Self::Json(text),
            ParameterValue::Decimal(text) => Self::Decimal(decimal(&text)?),
            ParameterValue::RangeInt32((lower, upper)) => Self::RangeInt32(lower, upper),
            ParameterValue::RangeInt64((lower, upper)) => Self::RangeInt64(lower, upper),
            ParameterValue::RangeDecimal((lower, upper)) => {
                Self::RangeDecimal(decimal_bound(lower)?, decimal_bound(upper)?)
            }
            ParameterValue::ArrayInt32(values) => Self::ArrayInt32(values),
            ParameterValue::ArrayInt64(values) => Self::ArrayInt64(values),
            ParameterValue::ArrayDecimal(values) => {
                let convert = |text: Option<String>| text.as_deref().map(decimal).transpose();
                Self::ArrayDecimal(values.into_iter().map(convert).collect::<Result<_, _>>()?)
            }
            ParameterValue::ArrayStr(values) => Self::ArrayText(values),
            ParameterValue::Interval(value) => Self::Interval(value),
        })
    }

    /// Checks that the value is one for a parameter of `ty`.
    ///
    /// # Errors
    /// A text that says what both are, and the mend.
    pub(crate) fn check(&self, ty: &Type) -> Result<(), String> {
        if self.fits(ty) {
            return Ok(());
        }
        let (given, takes) = self.names();
        Err(format!(
            "the statement wants {}, the parameter is {given}; write the cast ::{takes} behind it",
            ty.name()
        ))
    }

    /// Whether the server may be given this value for a parameter of `ty`: only
    /// what means the same is, nothing is converted.
    fn fits(&self, ty: &Type) -> bool {
        let named = |names: &[&str]| names.contains(&ty.name());
        match self {
            Self::Null => true,
            Self::Boolean(_) => *ty == Type::BOOL,
            Self::Int8(_) => *ty == Type::CHAR,
            Self::Int16(_) => *ty == Type::INT2,
            Self::Int32(_) => *ty == Type::INT4,
            Self::Int64(_) => *ty == Type::INT8,
            Self::Floating32(_) => *ty == Type::FLOAT4,
            Self::Floating64(_) => *ty == Type::FLOAT8,
            Self::Text(_) => is_text(ty) || named(&["citext", "ltree", "lquery", "ltxtquery"]),
            Self::Binary(_) => *ty == Type::BYTEA,
            Self::Date(_) => *ty == Type::DATE,
            Self::Time(_) => *ty == Type::TIME,
            Self::Datetime(_) => *ty == Type::TIMESTAMP,
            Self::Timestamp(_) => *ty == Type::TIMESTAMPTZ,
            Self::Uuid(_) => *ty == Type::UUID,
            Self::Json(_) => matches!(*ty, Type::JSON | Type::JSONB),
            Self::Decimal(_) => *ty == Type::NUMERIC,
            Self::RangeInt32(..) => *ty == Type::INT4_RANGE,
            Self::RangeInt64(..) => *ty == Type::INT8_RANGE,
            Self::RangeDecimal(..) => *ty == Type::NUM_RANGE,
            Self::ArrayInt32(_) => *ty == Type::INT4_ARRAY,
            Self::ArrayInt64(_) => *ty == Type::INT8_ARRAY,
            Self::ArrayDecimal(_) => *ty == Type::NUMERIC_ARRAY,
            Self::ArrayText(_) => matches!(ty.kind(), Kind::Array(member) if is_text(member)),
            Self::Interval(_) => *ty == Type::INTERVAL,
        }
    }

    /// What the value is called, and the type of the server that takes it.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Null => ("db-null", "text"),
            Self::Boolean(_) => ("boolean", "bool"),
            Self::Int8(_) => ("int8", "\"char\""),
            Self::Int16(_) => ("int16", "int2"),
            Self::Int32(_) => ("int32", "int4"),
            Self::Int64(_) => ("int64", "int8"),
            Self::Floating32(_) => ("floating32", "float4"),
            Self::Floating64(_) => ("floating64", "float8"),
            Self::Text(_) => ("str", "text"),
            Self::Binary(_) => ("binary", "bytea"),
            Self::Date(_) => ("date", "date"),
            Self::Time(_) => ("time", "time"),
            Self::Datetime(_) => ("datetime", "timestamp"),
            Self::Timestamp(_) => ("timestamp", "timestamptz"),
            Self::Uuid(_) => ("uuid", "uuid"),
            Self::Json(_) => ("jsonb", "jsonb"),
            Self::Decimal(_) => ("decimal", "numeric"),
            Self::RangeInt32(..) => ("range-int32", "int4range"),
            Self::RangeInt64(..) => ("range-int64", "int8range"),
            Self::RangeDecimal(..) => ("range-decimal", "numrange"),
            Self::ArrayInt32(_) => ("array-int32", "int4[]"),
            Self::ArrayInt64(_) => ("array-int64", "int8[]"),
            Self::ArrayDecimal(_) => ("array-decimal", "numeric[]"),
            Self::ArrayText(_) => ("array-str", "text[]"),
            Self::Interval(_) => ("interval", "interval"),
        }
    }
}

fn is_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    )
}

fn decimal(text: &str) -> Result<Vec<u8>, String> {
    numeric::encode(text).ok_or_else(|| "it is no decimal number such as -12.50".to_owned())
}

fn decimal_bound(bound: Bound<String>) -> Result<Bound<Vec<u8>>, String> {
    bound
        .map(|(text, kind)| Ok((decimal(&text)?, kind)))
        .transpose()
}

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        self.check(ty)?;
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Boolean(value) => wire::bool_to_sql(*value, out),
            Self::Int8(value) => wire::char_to_sql(*value, out),
            Self::Int16(value) => wire::int2_to_sql(*value, out),
            Self::Int32(value) => wire::int4_to_sql(*value, out),
            Self::Int64(value) => wire::int8_to_sql(*value, out),
            Self::Floating32(value) => wire::float4_to_sql(*value, out),
            Self::Floating64(value) => wire::float8_to_sql(*value, out),
            Self::Text(value) => text(value, ty, out),
            Self::Binary(value) => wire::bytea_to_sql(value, out),
            Self::Date(days) => wire::date_to_sql(*days, out),
            Self::Time(micros) => wire::time_to_sql(*micros, out),
            Self::Datetime(micros) | Self::Timestamp(micros) => {
                wire::timestamp_to_sql(*micros, out)
            }
            Self::Uuid(bytes) => wire::uuid_to_sql(*bytes, out),
            Self::Json(text) => {
                if *ty == Type::JSONB {
                    out.put_u8(1);
                }
                out.put_slice(text);
            }
            Self::Decimal(number) => out.put_slice(number),
            Self::RangeInt32(lower, upper) => {
                range(lower, upper, out, |value, out| {
                    wire::int4_to_sql(*value, out)
                })?;
            }
            Self::RangeInt64(lower, upper) => {
                range(lower, upper, out, |value, out| {
                    wire::int8_to_sql(*value, out)
                })?;
            }
            Self::RangeDecimal(lower, upper) => {
                range(lower, upper, out, |number, out| out.put_slice(number))?;
            }
            Self::ArrayInt32(values) => {
                array(values, ty, out, |value, out| wire::int4_to_sql(*value, out))?;
            }
            Self::ArrayInt64(values) => {
                array(values, ty, out, |value, out| wire::int8_to_sql(*value, out))?;
            }
            Self::ArrayDecimal(values) => {
                array(values, ty, out, |number, out| out.put_slice(number))?;
            }
            Self::ArrayText(values) => {
                array(values, ty, out, |value, out| wire::text_to_sql(value, out))?;
            }
            Self::Interval(value) => {
                out.put_i64(value.micros);
                out.put_i32(value.days);
                out.put_i32(value.months);
            }
        }
        Ok(IsNull::No)
    }

    /// Each value says itself what it is for.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

fn text(value: &str, ty: &Type, out: &mut BytesMut) {
    match ty.name() {
        "ltree" => wire::ltree_to_sql(value, out),
        "lquery" => wire::lquery_to_sql(value, out),
        "ltxtquery" => wire::ltxtquery_to_sql(value, out),
        _ => wire::text_to_sql(value, out),
    }
}

fn range<T>(
    lower: &Bound<T>,
    upper: &Bound<T>,
    out: &mut BytesMut,
    write: impl Fn(&T, &mut BytesMut),
) -> Result<(), BoxError> {
    let bound = |bound: &Bound<T>, out: &mut BytesMut| {
        let Some((value, kind)) = bound else {
            return Ok(RangeBound::Unbounded);
        };
        write(value, out);
        let written = postgres_protocol::IsNull::No;
        Ok(match kind {
            RangeBoundKind::Inclusive => RangeBound::Inclusive(written),
            RangeBoundKind::Exclusive => RangeBound::Exclusive(written),
        })
    };
    wire::range_to_sql(|out| bound(lower, out), |out| bound(upper, out), out)
}

fn array<T>(
    values: &[Option<T>],
    ty: &Type,
    out: &mut BytesMut,
    write: impl Fn(&T, &mut BytesMut),
) -> Result<(), BoxError> {
    let Kind::Array(member) = ty.kind() else {
        return Err("the statement wants no array".into());
    };
    let dimension = wire::ArrayDimension {
        len: i32::try_from(values.len())?,
        lower_bound: 1,
    };
    let element = |value: &Option<T>, out: &mut BytesMut| {
        let Some(value) = value else {
            return Ok(postgres_protocol::IsNull::Yes);
        };
        write(value, out);
        Ok(postgres_protocol::IsNull::No)
    };
    wire::array_to_sql([dimension], member.oid(), values, element, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_is_not_is_said_with_its_place() {
        let values = vec![
            ParameterValue::Int64(1),
            ParameterValue::Uuid("x".to_owned()),
        ];
        let Err(Error::BadParameter(text)) = parameters(values) else {
            panic!("a UUID that is none is taken");
        };
        assert_eq!(text, "parameter 2: it is no UUID");
        for value in [
            ParameterValue::Decimal("1e5".to_owned()),
            ParameterValue::Date((2023, 2, 29)),
            ParameterValue::Time((24, 0, 0, 0)),
            ParameterValue::ArrayDecimal(vec![None, Some(String::new())]),
            ParameterValue::RangeDecimal((Some(("a".to_owned(), RangeBoundKind::Inclusive)), None)),
        ] {
            assert!(Parameter::new(value.clone()).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_the_cast_that_mends_it() {
        assert_eq!(
            Parameter::Int64(1).check(&Type::INT4).unwrap_err(),
            "the statement wants int4, the parameter is int64; write the cast ::int8 behind it"
        );
        let null = Parameter::Null.to_sql(&Type::INT4, &mut BytesMut::new());
        assert!(matches!(null, Ok(IsNull::Yes)));
    }
}
