//! Fixtures for tests: real servers as child processes.
//!
//! Everything here starts what a test needs, on free ports and in folders of its own, and ends it with the test. It never
//! talks the protocols of those servers beyond asking whether they are ready: that is for the crate under test. What cannot be had
//! has a double that says what it follows. Called by tests and by the programs that show Gennaker, never by the product.
//!
//! | module | what it does |
//! |---|---|
//! | [`aws`] | signatures of requests to Amazon's services |
//! | [`bakers`] | Helm, Kustomize and Helmfile, and archives for them |
//! | [`certificates`] | authorities and what they sign |
//! | [`demo`] | what stands beside Gennaker while it is shown |
//! | [`http`] | a server of HTTP that remembers what it was asked |
//! | [`jenkins`] | a double of a Jenkins |
//! | [`keys`] | a key of RSA |
//! | [`kube`] | Kubernetes control planes with simulated nodes |
//! | [`leash`] | processes that end with the test |
//! | [`nats`] | nats-servers, one or a cluster |
//! | [`registry`] | a registry of images |
//! | [`s3`] | a server that speaks S3 |
//! | [`smtp`] | a mail server |

pub mod aws;
pub mod bakers;
pub mod certificates;
pub mod demo;
pub mod http;
pub mod jenkins;
pub mod keys;
pub mod kube;
pub mod leash;
pub mod nats;
pub mod registry;
pub mod s3;
pub mod smtp;
