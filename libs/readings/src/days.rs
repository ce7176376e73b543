//! The figures of a person's days as they are stored.

use suoke_health::aggregate::Day;
use suoke_health::calendar::Span;
use suoke_store::{Sql, StoreError};

use crate::queries::days as queries;

/// The days of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Days {
    /// In order; days without values are absent.
    pub days: Vec<Day>,
    /// When the newest of them was computed; none without any.
    pub computed_ms: Option<i64>,
}

/// The stored days of a person's metric that overlap a span. Their series are read only
/// where they are asked for: buckets shorter than a day are made from them.
///
/// # Errors
/// When the database fails or holds texts that nobody packed.
pub async fn days(
    sql: &impl Sql,
    user_id: &str,
    metric: &str,
    span: Span,
    with_series: bool,
) -> Result<Days, StoreError> {
    queries::days(sql, user_id, metric, span, with_series).await
}

/// Whether readings of a type inside of a span changed, or some that touch its days,
/// and their figures are not computed yet.
///
/// # Errors
/// When the database fails.
pub async fn are_pending(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    span: Span,
) -> Result<bool, StoreError> {
    queries::are_pending(sql, user_id, kind, span).await
}

/// The same for readings of any type.
///
/// # Errors
/// When the database fails.
pub async fn are_any_pending(
    sql: &impl Sql,
    user_id: &str,
    span: Span,
) -> Result<bool, StoreError> {
    queries::are_any_pending(sql, user_id, span).await
}
