//! host-trigger-redis.
