//! health-aggregate.
