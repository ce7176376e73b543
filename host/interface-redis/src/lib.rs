//! host-interface-redis.
