//! What the function's manifest says about its gateway.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use spin_sdk::variables::{self, Error};
use spin_sdk::wasip3::clocks::monotonic_clock;
use suoke_gateway::Policy;
use suoke_gateway::client::TrustedProxies;
use suoke_gateway::cors::Origins;
use suoke_gateway::limit::Rates;
use suoke_gateway::patience::{self, Rest};
use suoke_guest::{ApiError, clock};
use suoke_redis::{Redis, RedisError};

/// How often one caller may ask where the manifest does not say it.
const LIMITS: &str = "100/min 1000/h";

/// Nanoseconds of a millisecond.
pub(crate) const NS_PER_MS: u64 = 1_000_000;

thread_local! {
    /// Read once for each instance: they never change while the host runs.
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };

    /// The connection of the instance.
    static REDIS: RefCell<Option<Redis>> = const { RefCell::new(None) };

    /// Until when Redis is not asked, because it has not answered.
    static REST: Cell<Rest> = const { Cell::new(Rest::new()) };
}

/// All of it.
pub(crate) struct Settings {
    /// What this function asks for: `gateway_policy`.
    pub(crate) policy: Policy,
    /// How often one caller may ask all functions together: `gateway_limits`.
    pub(crate) limits: Rates,
    /// Whose pages may read answers: `gateway_cors_origins`.
    pub(crate) origins: Origins,
    /// Whose word about clients counts: `gateway_trusted_proxies`.
    pub(crate) trusted: TrustedProxies,
    /// The operators' secret, `operator_token`, where the function has it.
    pub(crate) operator_token: Option<String>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// 500 when one of them cannot be read: without its policy a function is
    /// closed.
    pub(crate) async fn load() -> Result<Rc<Self>, ApiError> {
        if let Some(known) = SETTINGS.with_borrow(Clone::clone) {
            return Ok(known);
        }
        let limits = optional("gateway_limits").await?;
        let wrong = |error: &dyn std::fmt::Display| ApiError::internal(error);
        let loaded = Rc::new(Self {
            policy: Policy::parse(&optional("gateway_policy").await?.unwrap_or_default())
                .map_err(|error| wrong(&error))?,
            limits: limits
                .as_deref()
                .unwrap_or(LIMITS)
                .parse()
                .map_err(|error| wrong(&format!("gateway_limits: {error}")))?,
            origins: optional("gateway_cors_origins")
                .await?
                .unwrap_or_default()
                .parse()
                .unwrap_or_default(),
            trusted: optional("gateway_trusted_proxies")
                .await?
                .unwrap_or_default()
                .parse()
                .map_err(|error| wrong(&error))?,
            operator_token: optional("operator_token").await?,
        });
        SETTINGS.set(Some(loaded.clone()));
        Ok(loaded)
    }
}

/// Asks Redis something that can be done without: not when it has just not
/// answered, and no longer than [`patience::ANSWER_MS_MAX`].
///
/// # Errors
/// Those of what is asked; when Redis cannot be reached or is late.
pub(crate) async fn ask_redis<T>(
    question: impl AsyncFnOnce(Redis) -> Result<T, RedisError>,
) -> Result<T, RedisError> {
    REST.get().check(clock::now_ms())?;
    tell_redis(question).await
}

/// Tells Redis what it must know, even when it has just not answered; waits no
/// longer than [`patience::ANSWER_MS_MAX`].
///
/// # Errors
/// Those of what is told; when Redis cannot be reached or is late.
pub(crate) async fn tell_redis<T>(
    what: impl AsyncFnOnce(Redis) -> Result<T, RedisError>,
) -> Result<T, RedisError> {
    let answer = async { what(redis().await?).await };
    let bound = monotonic_clock::wait_for(patience::ANSWER_MS_MAX.saturating_mul(NS_PER_MS));
    let answer = patience::within(answer, bound).await;
    REST.set(REST.get().noted(&answer, clock::now_ms()));
    if matches!(answer, Err(RedisError::Unavailable(_))) {
        // The next one tries another connection: this one may be stuck.
        REDIS.set(None);
    }
    answer
}

/// The connection to Redis for what must not be given up half-way, unless Redis
/// has just not answered.
///
/// # Errors
/// When Redis cannot be reached.
pub(crate) async fn patient_redis() -> Result<Redis, RedisError> {
    REST.get().check(clock::now_ms())?;
    redis().await
}

/// The connection to Redis, made when it is first needed.
async fn redis() -> Result<Redis, RedisError> {
    if let Some(known) = REDIS.with_borrow(Clone::clone) {
        return Ok(known);
    }
    let opened = Redis::open().await?;
    REDIS.set(Some(opened.clone()));
    Ok(opened)
}

/// A variable that the function need not have.
async fn optional(name: &str) -> Result<Option<String>, ApiError> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value)),
        Err(Error::Undefined(_)) => Ok(None),
        Err(error) => Err(ApiError::internal(format!("variable {name}: {error}"))),
    }
}
