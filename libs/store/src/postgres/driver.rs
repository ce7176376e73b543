//! Who speaks with PostgreSQL: the host of a component, or a client of its own in native
//! tests.

#[cfg(target_family = "wasm")]
pub(super) use spin::Client;

#[cfg(all(not(target_family = "wasm"), feature = "native"))]
pub(super) use super::native::Client;

#[cfg(target_family = "wasm")]
mod spin {
    //! Spin's PostgreSQL interface.

    use spin_sdk::pg::{self, DbValue, Error, ParameterValue, PgError, QueryError};

    use crate::error::StoreError;
    use crate::postgres::{lost, numeric, refused, said_by_host};
    use crate::row::Rows;
    use crate::value::Value;

    /// An open connection.
    pub(crate) struct Client(pg::Connection);

    impl Client {
        pub(crate) async fn open(address: &str) -> Result<Self, StoreError> {
            pg::Connection::open(address)
                .await
                .map(Self)
                .map_err(failed)
        }

        pub(crate) async fn query(
            &self,
            sql: &str,
            values: Vec<Value>,
        ) -> Result<Rows, StoreError> {
            let values: Vec<ParameterValue> = values.into_iter().map(to_spin).collect();
            let mut result = self.0.query(sql, values).await.map_err(failed)?;
            let columns = result.columns().iter();
            let columns = columns.map(|column| column.name.clone()).collect();
            let mut rows = Vec::new();
            while let Some(row) = result.rows().next().await {
                let row: Result<Vec<Value>, StoreError> = row.into_iter().map(from_spin).collect();
                rows.push(row?);
            }
            result.result().await.map_err(failed)?;
            Ok(Rows {
                columns,
                values: rows,
            })
        }

        pub(crate) async fn execute(
            &self,
            sql: &str,
            values: Vec<Value>,
        ) -> Result<u64, StoreError> {
            let values: Vec<ParameterValue> = values.into_iter().map(to_spin).collect();
            self.0.execute(sql, values).await.map_err(failed)
        }
    }

    fn failed(error: Error) -> StoreError {
        match error {
            Error::PgError(PgError::ConnectionFailed(reason)) => lost(reason),
            Error::PgError(PgError::QueryFailed(QueryError::DbError(error))) => {
                let constraint = error.extras.iter().find(|(name, _)| name == "constraint");
                let constraint = constraint.map(|(_, constraint)| constraint.as_str());
                refused(&error.code, &error.message, constraint)
            }
            Error::PgError(PgError::QueryFailed(QueryError::Text(reason))) => said_by_host(reason),
            other => StoreError::Statement(other.to_string()),
        }
    }

    fn to_spin(value: Value) -> ParameterValue {
        match value {
            Value::Null => ParameterValue::DbNull,
            Value::Integer(number) => ParameterValue::Int64(number),
            Value::Real(number) => ParameterValue::Floating64(number),
            Value::Text(text) => ParameterValue::Str(text),
            Value::Blob(bytes) => ParameterValue::Binary(bytes),
        }
    }

    fn from_spin(value: DbValue) -> Result<Value, StoreError> {
        Ok(match value {
            DbValue::DbNull => Value::Null,
            DbValue::Boolean(yes) => Value::Integer(yes.into()),
            DbValue::Int8(number) => Value::Integer(number.into()),
            DbValue::Int16(number) => Value::Integer(number.into()),
            DbValue::Int32(number) => Value::Integer(number.into()),
            DbValue::Int64(number) => Value::Integer(number),
            DbValue::Floating32(number) => Value::Real(number.into()),
            DbValue::Floating64(number) => Value::Real(number),
            DbValue::Decimal(text) => numeric(&text),
            DbValue::Str(text) => Value::Text(text),
            DbValue::Binary(bytes) => Value::Blob(bytes),
            other => {
                // Its name alone: what it holds is somebody's.
                let held = format!("{other:?}");
                let name = held.split(['(', '{', ' ']).next().unwrap_or_default();
                let reason = format!("a column has a type that the store does not know: {name}");
                return Err(StoreError::Statement(reason));
            }
        })
    }
}
