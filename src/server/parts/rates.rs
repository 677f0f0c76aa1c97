//! How often what may be done, as the settings allow it.

use hearth_bus::Rates;

use crate::config::{self, RateLimit};

/// The rates of the settings; none if nothing is limited.
pub(super) fn rates(settings: &RateLimit) -> Option<Rates> {
    let rate =
        |rate: config::Rate| hearth_bus::Rate { per_second: rate.per_second, burst: rate.burst };
    settings.enabled.then(|| Rates {
        messages: rate(settings.messages),
        joins: rate(settings.joins),
        invites: rate(settings.invites),
        media: rate(settings.media),
        logins: rate(settings.logins),
        failed_logins: rate(settings.failed_logins),
        registrations: rate(settings.registrations),
        letters: rate(settings.letters),
        reports: rate(settings.reports),
        account_changes: rate(settings.account_changes),
        searches: rate(settings.searches),
        ephemeral: rate(settings.ephemeral),
        requests: rate(settings.requests),
    })
}
