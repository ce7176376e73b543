//! One load for all who want the same key at the same time in one instance.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The bytes of a value.
pub(crate) type Bytes = Arc<[u8]>;

/// Loads under way, by key.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<BTreeMap<String, Arc<Flight>>>);

/// A load and who waits for it.
#[derive(Debug, Default)]
struct Flight(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_over: bool,
    value: Option<Bytes>,
    waiting: Vec<Waker>,
}

/// Whether to load or to take what another has loaded.
pub(crate) enum Seat<'a> {
    /// Load, and land with it.
    Leader(Leader<'a>),
    /// Another has loaded; `None` where it gave up.
    Passenger(Option<Bytes>),
}

/// Whoever loads. Dropped without a value, those who wait try themselves.
pub(crate) struct Leader<'a> {
    flights: &'a Flights,
    key: String,
    flight: Arc<Flight>,
    value: Option<Bytes>,
}

impl Flights {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Takes the lead, or waits until whoever has it is done.
    pub(crate) async fn board(&self, key: &str) -> Seat<'_> {
        let flight = {
            let mut flights = locked(&self.0);
            match flights.get(key) {
                Some(flight) => Arc::clone(flight),
                None => {
                    let flight = Arc::new(Flight::default());
                    flights.insert(key.to_owned(), Arc::clone(&flight));
                    return Seat::Leader(Leader {
                        flights: self,
                        key: key.to_owned(),
                        flight,
                        value: None,
                    });
                }
            }
        };
        let landed = poll_fn(|context| {
            let mut state = locked(&flight.0);
            if state.is_over {
                return Poll::Ready(state.value.clone());
            }
            if !state
                .waiting
                .iter()
                .any(|known| known.will_wake(context.waker()))
            {
                state.waiting.push(context.waker().clone());
            }
            Poll::Pending
        });
        Seat::Passenger(landed.await)
    }

    /// Nobody joins these any more: what they load may be from before a change.
    pub(crate) fn forget(&self, is_meant: impl Fn(&str) -> bool) {
        locked(&self.0).retain(|key, _| !is_meant(key));
    }
}

impl Leader<'_> {
    /// Gives the value to all who wait.
    pub(crate) fn land(mut self, value: &Bytes) {
        self.value = Some(Arc::clone(value));
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut flights = locked(&self.flights.0);
        let known = flights.get(&self.key);
        if known.is_some_and(|known| Arc::ptr_eq(known, &self.flight)) {
            flights.remove(&self.key);
        }
        drop(flights);
        let mut state = locked(&self.flight.0);
        state.is_over = true;
        state.value = self.value.take();
        for waker in state.waiting.drain(..) {
            waker.wake();
        }
    }
}

/// What is behind the lock stays right even after a panic elsewhere.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn board<'a>(flights: &'a Flights, key: &str) -> Option<Seat<'a>> {
        flights.board(key).now_or_never()
    }

    #[test]
    fn who_comes_after_a_change_does_not_join_a_load_from_before() {
        let flights = Flights::new();
        let Some(Seat::Leader(before)) = board(&flights, "u1") else {
            panic!("nobody else loads");
        };
        assert!(board(&flights, "u1").is_none());
        flights.forget(|key| key == "u1");
        let Some(Seat::Leader(after)) = board(&flights, "u1") else {
            panic!("the load from before was joined");
        };
        // The end of the first does not end the second.
        before.land(&Bytes::from(*b"old"));
        let mut waiting = Box::pin(flights.board("u1"));
        assert!(waiting.as_mut().now_or_never().is_none());
        after.land(&Bytes::from(*b"new"));
        match waiting.now_or_never() {
            Some(Seat::Passenger(value)) => assert_eq!(&*value.unwrap(), b"new"),
            _ => panic!("the second load was over"),
        }
        assert!(matches!(board(&flights, "u1"), Some(Seat::Leader(_))));
    }
}
