//! host-trigger-cron.
