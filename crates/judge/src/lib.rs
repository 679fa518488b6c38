//! The canary judge: statistics and scores on slices of numbers, as Kayenta's `NetflixACAJudge-v1.0` to the last digit.
//!
//! Pure. It must never fetch a metric, read a clock or draw a random number. The `canary` pool and `cli` call it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
