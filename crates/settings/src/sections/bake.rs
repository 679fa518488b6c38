//! `[bake]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How manifests are baked: the programs, and what a bake may use. Programs that are not set are looked for on `PATH`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bake {
    /// Helm 3, for `templateRenderer: HELM3` and for Helmfile. Unset: `helm3` on `PATH`, else a `helm` that is version 3.
    pub helm3: Option<String>,
    /// Helm 4, for `templateRenderer: HELM4`. Unset: `helm4` on `PATH`, else a `helm` that is version 4.
    pub helm4: Option<String>,
    /// Kustomize. Unset: `kustomize` on `PATH`.
    pub kustomize: Option<String>,
    /// Helmfile. Unset: `helmfile` on `PATH`.
    pub helmfile: Option<String>,
    /// Accept a Helmfile that has hooks or post-renderers. They run commands as the user of the worker.
    pub helmfile_allow_hooks_and_post_renderers: bool,
    /// Overrides with more characters than this are handed to Helm in a file, not as arguments (Rosco's
    /// `helm.overridesFileThreshold`). 0: never.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub helm_overrides_file_threshold: u32,
    /// Longest time of one run of a program, in milliseconds.
    #[schemars(range(min = 100, max = 280_000))]
    pub timeout_ms: u64,
    /// Largest result in bytes.
    #[schemars(range(min = 1_024, max = 268_435_456))]
    pub output_bytes_max: u64,
    /// Most bytes of the files of one bake, archives unpacked.
    #[schemars(range(min = 1_024, max = 10_737_418_240_u64))]
    pub files_bytes_max: u64,
    /// Most files of one bake.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub files_max: u64,
    /// Most memory for the data of a program, in bytes (Linux).
    #[schemars(range(min = 67_108_864, max = 68_719_476_736_u64))]
    pub memory_bytes_max: u64,
}

impl Default for Bake {
    fn default() -> Bake {
        Bake {
            helm3: None,
            helm4: None,
            kustomize: None,
            helmfile: None,
            helmfile_allow_hooks_and_post_renderers: false,
            helm_overrides_file_threshold: 0,
            timeout_ms: 120_000,
            output_bytes_max: 16 << 20,
            files_bytes_max: 256 << 20,
            files_max: 20_000,
            memory_bytes_max: 2 << 30,
        }
    }
}
