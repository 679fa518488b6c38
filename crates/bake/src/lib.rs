//! Manifests baked by Helm, Kustomize, Helmfile and Cloud Foundry's templates.
//!
//! The tools run in a folder of their own with a cleared environment and limits on time, size and files. It must never
//! write outside that folder, whatever an archive says. Its caller is `deploy`.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]
