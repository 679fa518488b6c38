//! Which crate may use which: the table.
//!
//! ```text
//! roots      gennaker ─ may use every crate below            cli ─ outbound and the pure crates
//!               │
//! services   gate   scheduler   triggers   pollers   pubsub        deploy   jenkins   canary   notify ─► worker
//!               │                                                     │        │        │        │
//! adapters   bus ◄─ store      artifacts   registries   builds   kubernetes   bake   channels ───┘
//!               │                   └────────────┴─────────┴──────────┴─────────────────┴─► credentials ─► outbound
//!               │
//! support    runtime   settings   telemetry    ─ for services and adapters alike         broker ─ for `bus` and roots
//! - - - - - - - - - - - - - - - - - - - - - - - - - - - - below: pure, synchronous
//! rules      intake ─► stages ─► engine ─► expressions       cron
//!                │        │         │            ▲
//!                │        │         │       templates ◄─ intake
//!                └────────┴─────────┴─► model ◄──┘          manifests   judge
//! ```
//!
//! Neighbours in the services row, or in the adapters row, never see each other. The exceptions: `store` uses `bus`, because
//! documents and blobs lie in JetStream or in S3 behind one type; a pool of tasks (`deploy`, `jenkins`, `canary`, `notify`) is a
//! service that stands on `worker`; and adapters that speak HTTP stand on `outbound`, the way out, and on `credentials`, which
//! signs what goes there.

/// What kind of crate it is; the strictness of the rules follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// No async, sockets, files, clock, randomness.
    Pure,
    /// Support, adapters and services: used by others, and only along the arrows.
    Library,
    /// Used by nobody, or only by other roots; wires things together.
    Root,
}

/// One crate by its folder's name, and which of our crates its normal dependencies may name.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) layer: Layer,
    pub(super) may_use: &'static [&'static str],
}

/// A library that only some of our crates may name, in any kind of dependency.
pub(super) struct Wall {
    pub(super) library: &'static str,
    pub(super) crates: &'static [&'static str],
}

const fn pure(name: &'static str, may_use: &'static [&'static str]) -> Rule {
    Rule {
        name,
        layer: Layer::Pure,
        may_use,
    }
}

const fn library(name: &'static str, may_use: &'static [&'static str]) -> Rule {
    Rule {
        name,
        layer: Layer::Library,
        may_use,
    }
}

const fn root(name: &'static str, may_use: &'static [&'static str]) -> Rule {
    Rule {
        name,
        layer: Layer::Root,
        may_use,
    }
}

pub(super) const CRATES: &[Rule] = &[
    // Rules.
    pure("cron", &[]),
    pure("expressions", &[]),
    pure("judge", &[]),
    pure("manifests", &[]),
    pure("model", &[]),
    pure("engine", &["expressions", "model"]),
    pure("stages", &["engine", "expressions", "model"]),
    pure("templates", &["expressions", "model"]),
    pure(
        "intake",
        &[
            "cron",
            "engine",
            "expressions",
            "model",
            "stages",
            "templates",
        ],
    ),
    // Support.
    library("runtime", &["model"]),
    library("settings", &["model"]),
    library("telemetry", &["model"]),
    library("broker", &[]),
    // Adapters.
    // Which server is recent enough, `broker` knows.
    library(
        "bus",
        &["broker", "model", "runtime", "settings", "telemetry"],
    ),
    library("outbound", &["model", "runtime", "settings", "telemetry"]),
    library(
        "kubernetes",
        &[
            "credentials",
            "manifests",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    // Secrets and signatures of what goes out over HTTP.
    library("credentials", &["outbound", "runtime", "settings"]),
    // Speaks HTTP with continuous-integration servers.
    library(
        "builds",
        &[
            "credentials",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    // Speaks HTTP with registries of images, charts and packages.
    library(
        "registries",
        &[
            "credentials",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    // Speaks HTTP and SMTP with those who bring messages to people.
    library(
        "channels",
        &[
            "credentials",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    // Runs the tools that bake; knows no network.
    library("bake", &["model", "runtime", "settings"]),
    library(
        "store",
        &[
            "bus",
            "engine",
            "model",
            "runtime",
            "settings",
            "telemetry",
            "templates",
        ],
    ),
    // Services.
    library(
        "scheduler",
        &[
            "bus",
            "engine",
            "expressions",
            "intake",
            "model",
            "runtime",
            "settings",
            "stages",
            "store",
            "telemetry",
        ],
    ),
    library(
        "worker",
        &["bus", "model", "runtime", "settings", "store", "telemetry"],
    ),
    library(
        "notify",
        &[
            // Follows what executions tell, to forward it.
            "bus",
            "channels",
            "model",
            "outbound",
            "runtime",
            "settings",
            "store",
            "telemetry",
            "templates",
            "worker",
        ],
    ),
    // Fetches by HTTP, so it stands on `outbound`.
    library(
        "artifacts",
        &[
            "credentials",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    library(
        "deploy",
        &[
            "artifacts",
            "bake",
            "kubernetes",
            "manifests",
            "model",
            "outbound",
            "runtime",
            "settings",
            "store",
            "telemetry",
            "worker",
        ],
    ),
    library(
        "jenkins",
        &[
            "builds",
            "model",
            "outbound",
            "runtime",
            "settings",
            "store",
            "telemetry",
            "worker",
        ],
    ),
    library(
        "canary",
        &[
            "credentials",
            "judge",
            "model",
            "outbound",
            "runtime",
            "settings",
            "store",
            "telemetry",
            "worker",
        ],
    ),
    library(
        "triggers",
        &[
            "bus",
            "credentials",
            "cron",
            "expressions",
            "intake",
            "model",
            "runtime",
            "settings",
            "store",
            "telemetry",
            "templates",
        ],
    ),
    library(
        "pollers",
        &[
            "artifacts",
            "builds",
            "bus",
            "intake",
            "model",
            "outbound",
            "registries",
            "runtime",
            "settings",
            "store",
            "telemetry",
        ],
    ),
    library(
        "pubsub",
        &[
            "bus",
            "credentials",
            "intake",
            "model",
            "outbound",
            "runtime",
            "settings",
            "telemetry",
        ],
    ),
    library(
        "gate",
        &[
            "bus",
            "cron",
            "engine",
            "expressions",
            "intake",
            "manifests",
            "model",
            "runtime",
            "settings",
            "stages",
            "store",
            "telemetry",
            "templates",
        ],
    ),
    // Roots.
    root(
        "cli",
        &[
            "engine",
            "expressions",
            "intake",
            "judge",
            "model",
            "outbound",
            "stages",
        ],
    ),
    root("gennaker", BELOW_GENNAKER),
    root("testkit", EVERY_LIBRARY),
    root("simulation", BELOW_TESTS),
    root("loadtest", BELOW_TESTS),
    root("tests", BELOW_TESTS),
    // Finds the broker as everybody else does; otherwise it knows our crates only as programs.
    root("xtask", &["broker"]),
];

#[rustfmt::skip]
const EVERY_LIBRARY: &[&str] = &[
    "artifacts", "bake", "broker", "builds", "bus", "canary", "channels", "credentials", "cron", "deploy", "engine",
    "expressions", "gate", "intake", "jenkins", "judge", "kubernetes", "manifests", "model", "notify", "outbound",
    "pollers", "pubsub", "registries", "runtime", "scheduler", "settings", "stages", "store", "telemetry",
    "templates", "triggers", "worker",
];

#[rustfmt::skip]
const BELOW_GENNAKER: &[&str] = &[
    "artifacts", "bake", "broker", "builds", "bus", "canary", "channels", "cli", "credentials", "cron", "deploy",
    "engine", "expressions", "gate", "intake", "jenkins", "judge", "kubernetes", "manifests", "model", "notify",
    "outbound", "pollers", "pubsub", "registries", "runtime", "scheduler", "settings", "stages", "store", "telemetry",
    "templates", "triggers", "worker",
];

#[rustfmt::skip]
const BELOW_TESTS: &[&str] = &[
    "artifacts", "bake", "broker", "builds", "bus", "canary", "channels", "cli", "credentials", "cron", "deploy",
    "engine", "expressions", "gate", "intake", "jenkins", "judge", "kubernetes", "manifests", "model", "notify",
    "outbound", "pollers", "pubsub", "registries", "runtime", "scheduler", "settings", "stages", "store", "telemetry",
    "templates", "testkit", "triggers", "worker",
];

/// Each client library has one crate that names it; everybody else goes through that crate.
pub(super) const WALLS: &[Wall] = &[
    Wall {
        library: "async-nats",
        crates: &["bus"],
    },
    Wall {
        library: "reqwest",
        crates: &["outbound"],
    },
    Wall {
        library: "axum",
        // `gennaker` adds `/metrics` to gate's routes and has the demo's service; doubles in tests are servers too.
        crates: &["gate", "gennaker", "testkit"],
    },
    Wall {
        library: "opentelemetry_sdk",
        crates: &["telemetry"],
    },
    Wall {
        library: "opentelemetry-otlp",
        crates: &["telemetry"],
    },
    Wall {
        library: "kube",
        crates: &["kubernetes"],
    },
    Wall {
        library: "k8s-openapi",
        crates: &["kubernetes"],
    },
    // `store` keeps documents and archives there, `artifacts` fetches from buckets of others.
    Wall {
        library: "aws-sdk-s3",
        crates: &["artifacts", "store"],
    },
    Wall {
        library: "aws-config",
        crates: &["artifacts", "credentials", "store"],
    },
    Wall {
        library: "aws-smithy-http-client",
        crates: &["artifacts", "credentials", "store"],
    },
    Wall {
        library: "aws-sigv4",
        crates: &["credentials"],
    },
    Wall {
        library: "lettre",
        crates: &["channels"],
    },
];

/// The crate of the program that is shipped.
pub(super) const PRODUCT: &str = "gennaker";

/// The one crate that needs features for tests outside tests: it runs everything under a clock of its own.
pub(super) const SIMULATION: &str = "simulation";

/// What a pure crate may test with, besides pure crates.
pub(super) const TESTKIT: &str = "testkit";

/// Libraries that do what a pure crate must not: wait, talk, read clocks or files, draw random numbers.
#[rustfmt::skip]
pub(super) const IMPURE: &[&str] = &[
    // Async and threads.
    "async-trait", "crossbeam-channel", "futures", "futures-executor", "futures-util", "parking_lot", "rayon", "smol",
    "tokio", "tokio-stream", "tokio-util",
    // Sockets, TLS, processes, terminals, files.
    "async-nats", "axum", "crossterm", "hyper", "hyper-util", "libc", "memmap2", "nix", "reqwest", "ring", "rustix",
    "rustls", "socket2", "tempfile", "tower", "tower-http", "ureq", "walkdir",
    // Clocks and randomness. The wall clock of `jiff` is banned by method, in clippy.toml: we need its calendar.
    "chrono", "fastrand", "getrandom", "nuid", "rand", "rand_core", "time", "ulid", "uuid",
    // Global state.
    "opentelemetry", "tracing", "tracing-subscriber",
];
