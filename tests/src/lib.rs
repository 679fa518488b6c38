//! The harness of the whole-product tests in `tests/`.
//!
//! It starts the real `gennaker` program and real brokers, talks to them by HTTP, kills and pauses them with signals, and
//! stands in for the systems that pipelines call ([`receiver`]). It must never reach into the product: no crate of ours but
//! the testkit and what that starts brokers with is used, so that what these tests show is what a user gets. Only the tests of
//! this package call it.
//!
//! | module | what it does |
//! |---|---|
//! | [`installation`] | processes and brokers, `gennaker dev` or one process for each role |
//! | [`gate`] | the HTTP API as a client that does not give up |
//! | [`client`] | command lines: the program's verbs, and `spin` |
//! | [`exchange`] | exchanges written down in files, held against the API |
//! | [`builders`] | doubles of Travis CI and AWS CodeBuild |
//! | [`patience`] | waiting for what comes by itself |
//! | [`receiver`] | a service that records requests and answers as it is told |
//! | [`storm`] | kills at random moments |
//! | [`survival`] | the pipeline that must survive them, and what must be true afterwards |
//! | [`way`] | a way to a cluster on which answers get lost |

#![expect(
    clippy::print_stderr,
    reason = "seeds and logs are shown with a failing test"
)]

pub mod builders;
pub mod client;
pub mod exchange;
pub mod gate;
pub mod http;
pub mod installation;
pub mod patience;
pub mod process;
pub mod random;
pub mod receiver;
pub mod storm;
pub mod survival;
pub mod way;
