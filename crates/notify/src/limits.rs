//! Limits that the tasks of the pool share, because they share a client.

use std::time::Duration;

use gennaker_outbound::Options;

/// Longest call in milliseconds. Spinnaker connects for 15 s and reads for 20 s; both together must stay below the 30 s that a
/// heartbeat in the effect ledger lasts.
pub(crate) const CALL_MS_MAX: u64 = 25_000;

/// Largest request body in bytes.
const REQUEST_BYTES_MAX: u64 = 16 << 20;

/// Largest response body in bytes, of whatever task: it becomes part of an execution, which has a limit of its own.
pub(crate) const RESPONSE_BYTES_MAX: u64 = 8 << 20;

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
