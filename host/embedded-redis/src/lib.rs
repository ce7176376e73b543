//! host-embedded-redis.
