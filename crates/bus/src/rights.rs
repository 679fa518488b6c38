//! What each role may do at the broker, and no more: derived from the table of streams, so that it cannot be forgotten there.
//!
//! | role | reads | writes |
//! |---|---|---|
//! | `scheduler` | everything | logs, state, archive, leases, tasks, ends of executions and announcements; makes streams and consumers |
//! | `worker` of a pool | its pool's tasks and ledger | its ledger, reports; that of `canary` its results, that of `notify` documents |
//! | `triggers` | events, messages of subscriptions, documents | starts, events of its clock, of subscriptions and of what it polls, verdicts, leases and state of pollers |
//! | `gate` | documents, leases, verdicts, status of pollers | documents, events, commands |
//!
//! Everybody reads and writes large values of executions, which what is said refers to; only the scheduler removes them.
//!
//! A worker may make no consumer, not even one to read with: who makes a consumer names the subject to which the broker
//! delivers, and the broker does not ask whether that one may publish there. So a worker cannot write into a log or into the state of
//! an execution, whatever happens to it. `gate` and `triggers` do make readers of documents, and are trusted that far.
//!
//! Rights are checked by the broker; a process with the rights of another role only fails, mostly by getting no answer.

use std::collections::BTreeSet;
use std::fmt;

use crate::layout::{
    self, ANNOUNCEMENT_STREAM, EVENT_STREAM, Layout, MESSAGE_STREAM, PARTITIONS_SUBJECT,
};
use crate::subject::{self, token};

/// The pool whose workers also save documents: Gate's API saves them by tasks, as Spinnaker's does.
const DOCUMENT_POOL: &str = "notify";
/// The pool whose workers read documents, the configurations of canary analysis, and keep its results.
const CANARY_POOL: &str = "canary";
/// The pool whose workers know builds.
const BUILD_POOL: &str = "jenkins";
const DOCUMENTS: &str = "gk_docs";
const LEASES: &str = "gk_lease";
const SETTINGS: &str = "gk_cfg";
const BLOBS: &str = "gk_blobs";
const VALUES: &str = "gk_values";
const VERDICTS: &str = "gk_verdicts";
const POLL: &str = "gk_poll";
/// The kinds of events that the role `triggers` makes itself: of its clock, of subscriptions and of what it polls.
const OWN_EVENTS: [&str; 9] = [
    "cron",
    "pubsub",
    "docker",
    "helm/oci",
    "build",
    "helm",
    "artifactory",
    "plugin",
    "s3",
];
const CANARY: &str = "gk_canary";

/// A kind of process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns partitions.
    Scheduler,
    /// Runs the tasks of a pool.
    Worker {
        /// Its pool.
        pool: String,
    },
    /// Turns events into starts.
    Triggers,
    /// The HTTP API.
    Gate,
}

/// Subjects that a user may use; everything else is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Subjects that it may publish to.
    pub publish: BTreeSet<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: BTreeSet<String>,
    /// Whether it may answer questions that it receives, wherever the answer goes.
    pub answers: bool,
}

/// What a role uses of the table.
pub(crate) struct Uses {
    /// Streams.
    pub(crate) streams: BTreeSet<String>,
    /// Streams whose durable consumers it pulls from.
    pub(crate) consumers: BTreeSet<String>,
}

impl Role {
    /// Every role of a layout, with a worker for each pool.
    pub fn all(layout: &Layout) -> Vec<Self> {
        let workers = layout.pools.iter().map(|pool| Self::Worker {
            pool: pool.name.clone(),
        });
        std::iter::once(Self::Scheduler)
            .chain(workers)
            .chain([Self::Triggers, Self::Gate])
            .collect()
    }

    /// Prefix of the subjects to which answers come, so that no role can listen to the answers of another
    /// ([`crate::Options::inbox_prefix`]).
    pub fn inbox_prefix(&self) -> String {
        format!("_INBOX_{}", self.name())
    }

    /// What the broker must allow it.
    pub fn rights(&self, layout: &Layout) -> Rights {
        let mut rights = Rights::default();
        rights.hear([format!("{}.>", self.inbox_prefix())]);
        // Everybody counts partitions, and must count the same.
        rights.read(SETTINGS);
        rights.read(VALUES);
        rights.write(VALUES);
        match self {
            Self::Scheduler => rights.of_scheduler(layout),
            Self::Worker { pool } => rights.of_worker(pool),
            Self::Triggers => rights.of_triggers(),
            Self::Gate => rights.of_gate(),
        }
        rights
    }

    /// The streams and consumers that must exist before it can work.
    pub(crate) fn uses(&self, layout: &Layout) -> Uses {
        let bucket = |name: &str| layout::bucket_stream(name);
        let (streams, consumers) = match self {
            Self::Scheduler => (
                layout.streams().into_iter().map(|it| it.name).collect(),
                layout.consumers().into_iter().map(|it| it.stream).collect(),
            ),
            // The stream of its tasks lies in memory: it may be gone, and is made again by the scheduler.
            Self::Worker { pool } => (
                [bucket(&ledger(pool)), bucket(VALUES)]
                    .into_iter()
                    .chain((pool == CANARY_POOL).then(|| bucket(CANARY)))
                    .collect(),
                vec![layout::task_stream(pool)],
            ),
            Self::Triggers => (
                vec![
                    bucket(DOCUMENTS),
                    bucket(SETTINGS),
                    bucket(VALUES),
                    bucket(VERDICTS),
                    bucket(LEASES),
                    bucket(POLL),
                ],
                vec![EVENT_STREAM.to_owned(), MESSAGE_STREAM.to_owned()],
            ),
            Self::Gate => (
                vec![
                    bucket(DOCUMENTS),
                    bucket(LEASES),
                    bucket(SETTINGS),
                    bucket(VALUES),
                    bucket(VERDICTS),
                    bucket(POLL),
                ],
                Vec::new(),
            ),
        };
        Uses {
            streams: streams.into_iter().collect(),
            consumers: consumers.into_iter().collect(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Scheduler => "scheduler".to_owned(),
            Self::Worker { pool } => format!("worker-{}", token(pool)),
            Self::Triggers => "triggers".to_owned(),
            Self::Gate => "gate".to_owned(),
        }
    }
}

/// As a user is called.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Questions to the workers of a pool.
fn ask_of(pool: &str) -> String {
    format!("gk.ask.{}.*", token(pool))
}

impl Rights {
    fn of_scheduler(&mut self, layout: &Layout) {
        self.say(
            [
                "STREAM.INFO.*",
                "STREAM.CREATE.*",
                "STREAM.PURGE.*",
                "STREAM.MSG.GET.*",
                "STREAM.MSG.DELETE.*",
                "CONSUMER.INFO.*.*",
                "CONSUMER.CREATE.*.*",
                "CONSUMER.DELETE.*.*",
                "CONSUMER.MSG.NEXT.*.*",
            ]
            .map(|call| format!("$JS.API.{call}")),
        );
        for partition in 0..layout.partitions {
            self.say([subject::log(partition)]);
            self.write(&format!("gk_state_{partition}"));
        }
        self.write(LEASES);
        self.write(BLOBS);
        self.say([PARTITIONS_SUBJECT.to_owned()]);
        self.say(["gk.task.>", "gk.abort.>", "gk.feed.>", "gk.cmd.*.request"].map(str::to_owned));
        self.say(["gk.event.pipeline.*", "gk.announced.>"].map(str::to_owned));
        // Templates may lie at addresses, which workers read.
        self.say([ask_of(DOCUMENT_POOL)]);
        self.hear(["gk.cmd.*.*", "gk.alive.*"].map(str::to_owned));
        self.answers = true;
    }

    fn of_worker(&mut self, pool: &str) {
        self.consume(&layout::task_stream(pool));
        self.read(&ledger(pool));
        self.write(&ledger(pool));
        if pool == DOCUMENT_POOL {
            // Its workers forward what executions tell.
            self.consume(ANNOUNCEMENT_STREAM);
            // They publish on topics that others listen to.
            self.say(["gk.out.>".to_owned()]);
            self.read(DOCUMENTS);
            self.write(DOCUMENTS);
            self.say([ask_of(pool)]);
        }
        if pool == CANARY_POOL {
            self.read(DOCUMENTS);
            self.read(CANARY);
            self.write(CANARY);
            // Pieces of what is deleted go without a trace.
            let stream = layout::bucket_stream(CANARY);
            self.say([format!("$JS.API.STREAM.MSG.DELETE.{stream}")]);
        }
        self.say(["gk.cmd.*.report", "gk.alive.*"].map(str::to_owned));
        self.hear([format!("gk.abort.{}.*", token(pool)), ask_of(pool)]);
        self.answers = true;
    }

    fn of_triggers(&mut self) {
        self.consume(EVENT_STREAM);
        self.consume(MESSAGE_STREAM);
        self.read(SETTINGS);
        self.read(DOCUMENTS);
        self.follow(DOCUMENTS);
        self.read(VERDICTS);
        self.write(VERDICTS);
        // Templates may lie at addresses, which workers read.
        self.say([ask_of(DOCUMENT_POOL)]);
        self.read(LEASES);
        self.read(POLL);
        self.write(POLL);
        // What else a build is known by.
        self.say([ask_of(BUILD_POOL)]);
        self.say(OWN_EVENTS.map(|kind| format!("gk.event.{}.*", token(kind))));
        self.hear([subject::poll_hint().to_string()]);
        self.say([
            // Messages that somebody else has given names.
            format!("$KV.{SETTINGS}.once.>"),
            // Who polls what.
            format!("$KV.{LEASES}.poll.>"),
            subject::poll_hint().to_string(),
            // Written to see it come back: then the list of documents is complete.
            format!("$KV.{DOCUMENTS}.beacon"),
            "gk.cmd.*.request".to_owned(),
        ]);
    }

    fn of_gate(&mut self) {
        self.read(DOCUMENTS);
        self.follow(DOCUMENTS);
        self.write(DOCUMENTS);
        self.read(LEASES);
        self.read(VERDICTS);
        self.follow(VERDICTS);
        self.read(POLL);
        self.write(SETTINGS);
        self.say(["gk.event.>", "gk.ask.*.*", "gk.cmd.*.request"].map(str::to_owned));
        self.hear(["gk.feed.>".to_owned()]);
    }

    /// Single records of a bucket.
    fn read(&mut self, bucket: &str) {
        let stream = layout::bucket_stream(bucket);
        self.say(["STREAM.INFO", "STREAM.MSG.GET"].map(|call| format!("$JS.API.{call}.{stream}")));
    }

    fn write(&mut self, bucket: &str) {
        self.say([format!("$KV.{bucket}.>")]);
    }

    /// Lists and watches of a bucket, by readers of its own.
    fn follow(&mut self, bucket: &str) {
        let stream = layout::bucket_stream(bucket);
        self.say(
            ["CREATE", "DELETE", "MSG.NEXT"]
                .map(|call| format!("$JS.API.CONSUMER.{call}.{stream}.*")),
        );
    }

    /// Messages of durable consumers that others made.
    fn consume(&mut self, stream: &str) {
        self.say([
            format!("$JS.API.CONSUMER.INFO.{stream}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
            format!("$JS.ACK.{stream}.>"),
            // With domain and account hash, as later servers spell it.
            format!("$JS.ACK.*.*.{stream}.>"),
        ]);
    }

    fn say(&mut self, subjects: impl IntoIterator<Item = String>) {
        self.publish.extend(subjects);
    }

    fn hear(&mut self, subjects: impl IntoIterator<Item = String>) {
        self.subscribe.extend(subjects);
    }
}

/// The users of a layout's account in the words of the broker's configuration: one for each role, whose password stands in the
/// variable that [`password_variable`] names.
pub fn to_configuration(layout: &Layout) -> String {
    let mut out = String::from("users: [\n");
    for role in Role::all(layout) {
        let rights = role.rights(layout);
        out.push_str(&format!(
            "  {{\n    user: {role}\n    password: ${}\n    permissions: {{\n",
            password_variable(&role)
        ));
        for (word, subjects) in [("publish", rights.publish), ("subscribe", rights.subscribe)] {
            out.push_str(&format!("      {word}: [\n"));
            for subject in subjects {
                out.push_str(&format!("        {subject:?}\n"));
            }
            out.push_str("      ]\n");
        }
        if rights.answers {
            // An answer comes in as many parts as it needs.
            out.push_str("      allow_responses: { max: -1, expires: \"2m\" }\n");
        }
        out.push_str("    }\n  }\n");
    }
    out.push_str("]\n");
    out
}

/// The environment variable with the password of a role's user: `GENNAKER_NATS_WORKER_NOTIFY_PASSWORD`.
pub fn password_variable(role: &Role) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => c.to_ascii_uppercase(),
        _ => '_',
    };
    let name: String = role.name().chars().map(plain).collect();
    format!("GENNAKER_NATS_{name}_PASSWORD")
}

/// The bucket with a pool's effects.
fn ledger(pool: &str) -> String {
    format!("gk_effect_{}", token(pool))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::matches;

    fn layout() -> Layout {
        Layout {
            partitions: 3,
            ..Layout::default()
        }
    }

    /// The roles that may publish to a subject.
    fn writers(subject: &str) -> Vec<String> {
        let layout = layout();
        let may = |role: &Role| {
            role.rights(&layout)
                .publish
                .iter()
                .any(|filter| matches(filter, subject))
        };
        Role::all(&layout)
            .iter()
            .filter(|role| may(role))
            .map(Role::to_string)
            .collect()
    }

    #[test]
    fn only_schedulers_write_logs_and_state() {
        let layout = layout();
        for stream in layout.streams() {
            let is_owned = stream.name.starts_with("GK_LOG_")
                || stream.name.starts_with("KV_gk_state_")
                || stream.name.starts_with("GK_TASK_");
            for subject in stream.subjects.iter().filter(|_| is_owned) {
                let subject = subject.replace('>', "x.y");
                assert_eq!(writers(&subject), ["scheduler"], "{subject}");
            }
        }
    }

    #[test]
    fn workers_make_no_consumers_and_no_streams() {
        for call in [
            "STREAM.CREATE.X",
            "STREAM.UPDATE.GK_LOG_0",
            "STREAM.PURGE.GK_LOG_0",
            "CONSUMER.CREATE.KV_gk_docs.reader",
            "CONSUMER.CREATE.GK_TASK_notify.any.gk.task.notify.any.>",
            "CONSUMER.DURABLE.CREATE.GK_TASK_notify.any",
        ] {
            let writers = writers(&format!("$JS.API.{call}"));
            assert!(
                !writers.iter().any(|role| role.starts_with("worker")),
                "{call}: {writers:?}"
            );
        }
        assert_eq!(writers("$JS.API.STREAM.DELETE.GK_LOG_0"), [""; 0]);
        assert_eq!(writers("gk.cmd.0.report").len(), layout().pools.len());
    }

    #[test]
    fn a_worker_sees_its_own_pool_only() {
        assert_eq!(
            writers("$JS.API.CONSUMER.MSG.NEXT.GK_TASK_deploy.any"),
            ["scheduler", "worker-deploy"]
        );
        assert_eq!(
            writers("$KV.gk_effect_deploy.01J.1"),
            ["worker-deploy"],
            "the ledger is the pool's"
        );
    }

    #[test]
    fn results_of_canaries_are_that_pools() {
        assert_eq!(writers("$KV.gk_canary.i.metrics.x"), ["worker-canary"]);
        assert_eq!(
            writers("$JS.API.STREAM.MSG.GET.KV_gk_canary"),
            ["scheduler", "worker-canary"]
        );
    }

    #[test]
    fn passwords_have_names_that_a_shell_takes() {
        let role = Role::Worker {
            pool: "eu.west".to_owned(),
        };
        assert_eq!(
            password_variable(&role),
            "GENNAKER_NATS_WORKER_EU_2EWEST_PASSWORD"
        );
        let text = to_configuration(&layout());
        assert_eq!(
            text.matches("user: ").count(),
            Role::all(&layout()).len(),
            "{text}"
        );
    }
}
