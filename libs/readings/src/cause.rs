//! What set a change off: events carry it on.

use suoke_events::Event;
use suoke_guest::Request;

/// The component that makes a change, and why it does.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    component: &'a str,
    why: Why<'a>,
}

#[derive(Clone, Copy)]
enum Why<'a> {
    Request(&'a Request),
    Event(&'a Event),
    Schedule,
}

impl<'a> Cause<'a> {
    /// A component serves a request.
    #[must_use]
    pub fn request(component: &'a str, request: &'a Request) -> Self {
        let why = Why::Request(request);
        Self { component, why }
    }

    /// A component handles an event.
    #[must_use]
    pub fn event(component: &'a str, event: &'a Event) -> Self {
        let why = Why::Event(event);
        Self { component, why }
    }

    /// A component was started by a schedule.
    #[must_use]
    pub fn schedule(component: &'a str) -> Self {
        let why = Why::Schedule;
        Self { component, why }
    }

    /// Who says so.
    pub(crate) fn component(&self) -> &'a str {
        self.component
    }

    /// The event with its correlation and trace.
    pub(crate) fn of(&self, event: Event) -> Event {
        match self.why {
            Why::Request(request) => event.from_request(request),
            Why::Event(cause) => event.caused_by(cause),
            Why::Schedule => event,
        }
    }
}
