//! Tasks of the `deploy` pool: what Clouddriver and Rosco do.
//!
//! One folder per provider, one file per task. It must never decide what a failure means for a stage, or put the data of
//! a Secret into an output. `gennaker` builds its registry and hands it to a worker.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
