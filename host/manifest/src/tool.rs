//! `[application.tool.suoke]` and `[component.NAME.tool.suoke]`.

use host_app::{AppOptions, InstanceReuse, Limits};
use host_spanned_toml::Table;

/// A year: longer waits are mistakes, and clocks can hold them.
const MILLISECONDS_MAX: u64 = 366 * 24 * 3600 * 1000;
/// What a 32-bit memory can hold, 16 times over.
const MEMORY_BYTES_MAX: u64 = 64 << 30;
const BODY_BYTES_MAX: u64 = 1 << 40;
const CALLS_MAX: u64 = 1_000_000;

/// The table of this host among those of other tools, which may say anything.
pub(crate) fn read<'d>(table: &Table<'d>) -> Option<Table<'d>> {
    let tools = table.table("tool")?;
    tools.ignore_rest();
    tools.table("suoke")
}

/// Reads the options that an application has besides its limits.
pub(crate) fn read_application(suoke: &Table<'_>, options: &mut AppOptions) {
    options.problem_details = suoke.boolean("problem_details").unwrap_or_default();
    if let Some(value) = suoke.get("embedded_redis")
        && let Some(address) = value.string()
    {
        if !is_redis_address(address) {
            value.fail(
                format!("{address:?} is not the address of a Redis server"),
                "write \"redis://127.0.0.1:6379\"",
            );
        }
        options.embedded_redis = Some(address.to_owned());
    }
    let memory = suoke.integer("embedded_redis_memory_bytes_max", 1..=MEMORY_BYTES_MAX);
    options.embedded_redis_memory_bytes_max = memory.and_then(|n| usize::try_from(n).ok());
}

fn is_redis_address(address: &str) -> bool {
    let Some(authority) = address.strip_prefix("redis://") else {
        return false;
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_is_good = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.:[]".contains(c));
    host_is_good && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Reads limits; what is not set is as in `base`. Each must be more than zero:
/// nothing can be done with none of a resource.
pub(crate) fn read_limits(suoke: &Table<'_>, base: &Limits) -> Limits {
    let number = |key, max, base| suoke.integer(key, 1..=max).unwrap_or(base);
    let size = |key, max, base: usize| {
        let number = suoke.integer(key, 1..=max);
        number.and_then(|n| usize::try_from(n).ok()).unwrap_or(base)
    };
    Limits {
        deadline_ms: number("deadline_ms", MILLISECONDS_MAX, base.deadline_ms),
        cpu_ms: number("cpu_ms", MILLISECONDS_MAX, base.cpu_ms),
        memory_bytes_max: size("memory_bytes_max", MEMORY_BYTES_MAX, base.memory_bytes_max),
        concurrency_max: size("concurrency_max", CALLS_MAX, base.concurrency_max),
        queue_max: size("queue_max", CALLS_MAX, base.queue_max),
        queue_wait_ms: number("queue_wait_ms", MILLISECONDS_MAX, base.queue_wait_ms),
        body_bytes_max: number("body_bytes_max", BODY_BYTES_MAX, base.body_bytes_max),
        reuse: read_reuse(suoke, &base.reuse),
    }
}

fn read_reuse(suoke: &Table<'_>, base: &InstanceReuse) -> InstanceReuse {
    let Some(table) = suoke.table("reuse") else {
        return base.clone();
    };
    let count = table.integer("count_max", 1..=u64::from(u32::MAX));
    let reuse = InstanceReuse {
        count_max: count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(base.count_max),
        idle_ms_max: table
            .integer("idle_ms_max", 1..=MILLISECONDS_MAX)
            .unwrap_or(base.idle_ms_max),
    };
    table.finish();
    reuse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_redis() {
        for good in [
            "redis://127.0.0.1:6379",
            "redis://localhost",
            "redis://localhost:6379/",
            "redis://[::1]:6379",
            "redis://[::1]",
        ] {
            assert!(is_redis_address(good), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:6379",
            "http://127.0.0.1",
            "redis://",
            "redis://:6379",
            "redis://a:0",
            "redis://a:x",
            "redis://a:99999",
            "redis://user:pass@a:6379",
            "redis://a b",
        ] {
            assert!(!is_redis_address(bad), "{bad}");
        }
    }
}
