//! Rows and how they become structs.

use std::rc::Rc;

use crate::error::StoreError;
use crate::value::{FromValue, Value};

/// The result of a statement: the names of the columns and the values.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values of each row, in the order of the columns.
    pub values: Vec<Vec<Value>>,
}

/// One row of a result.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Rc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// The column `name`, decoded.
    ///
    /// # Errors
    /// When there is no such column or it holds something else.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, StoreError> {
        let index = self.columns.iter().position(|column| column == name);
        let value = index.and_then(|index| self.values.get(index));
        let Some(value) = value else {
            return Err(StoreError::MissingColumn {
                column: name.to_owned(),
            });
        };
        T::from_value(value).ok_or_else(|| StoreError::WrongType {
            column: name.to_owned(),
            expected: T::EXPECTED,
            found: value.type_name(),
        })
    }

    /// The first column, decoded.
    ///
    /// # Errors
    /// When the row is empty or the column holds something else.
    pub fn first<T: FromValue>(&self) -> Result<T, StoreError> {
        let name = self.columns.first().map_or("", String::as_str);
        self.get(name)
    }
}

/// A struct that a row can be decoded into; see [`from_row!`](crate::from_row).
pub trait FromRow: Sized {
    /// Decodes the row.
    ///
    /// # Errors
    /// When a column is missing or holds something else.
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

/// A single column.
macro_rules! scalar {
    ($($kind:ty),*) => {
        $(impl FromRow for $kind {
            fn from_row(row: &Row) -> Result<Self, StoreError> {
                row.first()
            }
        })*
    };
}

scalar!(
    i64,
    f64,
    String,
    bool,
    u32,
    Option<i64>,
    Option<String>,
    Option<f64>,
    Vec<u8>
);

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(row.clone())
    }
}

/// Decodes every row.
pub(crate) fn decode<T: FromRow>(rows: Rows) -> Result<Vec<T>, StoreError> {
    let columns: Rc<[String]> = rows.columns.into();
    rows.values
        .into_iter()
        .map(|values| {
            T::from_row(&Row {
                columns: Rc::clone(&columns),
                values,
            })
        })
        .collect()
}

/// Implements [`FromRow`] for a struct whose fields are named like its columns.
///
/// ```
/// struct User { id: String, name: Option<String> }
/// suoke_store::from_row!(User { id, name });
/// ```
#[macro_export]
macro_rules! from_row {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::FromRow for $type {
            fn from_row(row: &$crate::Row) -> ::std::result::Result<Self, $crate::StoreError> {
                Ok(Self { $($field: row.get(stringify!($field))?),+ })
            }
        }
    };
}
