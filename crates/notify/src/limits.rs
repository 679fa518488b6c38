//! Limits that the tasks of the pool share, because they share a client.

use std::time::Duration;

use gennaker_outbound::Options;

/// Longest call in milliseconds. Spinnaker connects for 15 s and reads for 20 s; both together must stay below the 30 s that a
/// heartbeat in the effect ledger lasts.
pub(crate) const CALL_MS_MAX: u64 = 25_000;

/// Largest request body in bytes.
const REQUEST_BYTES_MAX: u64 = 1024 * 1024;

/// Largest response body in bytes, of whatever task: a result travels, and is recorded, in one message. Each task asks for less.
pub(crate) const RESPONSE_BYTES_MAX: u64 = 384 * 1024;

/// The limits with which the client of this pool is to be made.
#[must_use]
pub fn client_options() -> Options {
    Options {
        request_bytes_max: REQUEST_BYTES_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        total_timeout: Duration::from_millis(CALL_MS_MAX),
        ..Options::default()
    }
}
