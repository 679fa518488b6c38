//! Tasks of the `canary` pool: metrics from their sources, judged, and the results kept, as Kayenta does.
//!
//! One file per metric source. It must never decide what a failed analysis means for a stage. `gennaker` builds its
//! registry and hands it to a worker.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
