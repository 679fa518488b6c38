//! Manifests baked by Helm, Kustomize, Helmfile and Cloud Foundry's templates, as Rosco does it (reference of the clouds,
//! section 4).
//!
//! A [`Request`] brings everything: which renderer, its options, and the content of the artifacts. [`Baker::bake`] answers with
//! the manifests as text. The tools run in a folder of their own with a cleared environment and limits on time, size and files;
//! the folder is gone afterwards. The same inputs give the same text, as far as the templates ask for no randomness.
//!
//! It must never write outside that folder, whatever an archive says, and knows no network: who calls it fetches. Its caller
//! is `deploy`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod baker;
mod error;
mod kitchen;
mod output;
mod render;
mod request;
mod tools;
pub mod unpack;

pub use baker::{Baker, Limits, Options};
pub use error::Error;
pub use render::kustomize::{FileProblem, Files};
pub use request::{Input, Renderer, Request};
pub use tools::{Missing, Tool, Tools};
