//! Asking workers.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use gennaker_bus::{CommandError, subject};
use gennaker_manifests::Manifest;
use gennaker_manifests::views::Inventory;
use gennaker_model::reads::{Answer as Told, Ask, POOL, Question, Refused, Reply, VERSION};
use gennaker_settings::KubernetesAccount;
use serde_json::Value;

use super::custom_kinds;
use crate::Gate;
use crate::answer::Answer;
use crate::problem::Problem;

/// How long one account may take for a single thing, such as a long log.
const WAIT: Duration = Duration::from_secs(25);
/// How long it may take for what it has: the first look at a large cluster. A list waits for the slowest.
const WAIT_FOR_OBJECTS: Duration = Duration::from_secs(15);
/// Accounts that are asked at the same time.
const AT_ONCE: usize = 32;

/// What one account has, and how old that is.
pub(super) struct Had {
    pub(super) inventory: Inventory,
    age_ms: Option<u64>,
}

/// What all accounts have.
#[derive(Default)]
pub(super) struct All {
    pub(super) inventories: Vec<Inventory>,
    /// Accounts that did not answer.
    missing: Vec<String>,
    age_ms: Option<u64>,
}

impl All {
    /// The answer, with how old it is and what is missing in it.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        let answer = with_age(answer, self.age_ms);
        match self.missing.is_empty() {
            true => answer,
            false => answer.with_header("x-gennaker-missing-accounts", &self.missing.join(",")),
        }
    }

    /// Takes over what the answer to another question says of its age and of what is missing.
    pub(super) fn adds(&mut self, other: Self) {
        self.age_ms = self.age_ms.max(other.age_ms);
        for name in other.missing {
            if !self.missing.contains(&name) {
                self.missing.push(name);
            }
        }
    }
}

impl Had {
    /// The answer, with how old it is.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        with_age(answer, self.age_ms)
    }
}

fn with_age(answer: Answer, age_ms: Option<u64>) -> Answer {
    match age_ms {
        None => answer,
        Some(age_ms) => answer.with_header("x-gennaker-age-ms", &age_ms.to_string()),
    }
}

impl Gate {
    /// The objects of one account.
    pub(super) async fn had(&self, account: &KubernetesAccount, ask: Ask) -> Result<Had, Problem> {
        self.had_within(account, ask, WAIT_FOR_OBJECTS).await
    }

    async fn had_within(
        &self,
        account: &KubernetesAccount,
        ask: Ask,
        wait: Duration,
    ) -> Result<Had, Problem> {
        match self.ask_worker(account, ask, wait).await? {
            Reply::Objects {
                objects, age_ms, ..
            } => {
                let objects = objects
                    .into_iter()
                    .filter_map(|object| Manifest::new(object).ok())
                    .collect();
                let inventory = Inventory::new(&account.name, objects, custom_kinds(account));
                Ok(Had { inventory, age_ms })
            }
            Reply::Value { .. } | Reply::Refused { .. } => Err(strange(account)),
        }
    }

    /// The objects of all accounts.
    pub(super) async fn all(&self, ask: &Ask) -> Result<All, Problem> {
        self.all_of(self.kubernetes().iter(), |_| ask.clone()).await
    }

    /// The objects of some accounts.
    pub(super) async fn all_of<'a>(
        &'a self,
        accounts: impl Iterator<Item = &'a KubernetesAccount>,
        ask: impl Fn(&KubernetesAccount) -> Ask,
    ) -> Result<All, Problem> {
        let (all, problem) = self.answered(accounts, ask, WAIT_FOR_OBJECTS).await;
        match problem {
            Some(problem) if all.inventories.is_empty() => Err(problem),
            _ => Ok(all),
        }
    }

    /// The objects of those accounts that tell them soon enough; the others are named as missing.
    pub(super) async fn all_within(&self, ask: &Ask, wait: Duration) -> All {
        let accounts = self.kubernetes().iter();
        self.answered(accounts, |_| ask.clone(), wait).await.0
    }

    async fn answered<'a>(
        &'a self,
        accounts: impl Iterator<Item = &'a KubernetesAccount>,
        ask: impl Fn(&KubernetesAccount) -> Ask,
        wait: Duration,
    ) -> (All, Option<Problem>) {
        let mut names = Vec::new();
        let mut questions: Vec<BoxFuture<'a, Result<Had, Problem>>> = Vec::new();
        for account in accounts {
            names.push(account.name.clone());
            questions.push(self.had_within(account, ask(account), wait).boxed());
        }
        let answers: Vec<_> = stream::iter(questions).buffered(AT_ONCE).collect().await;
        let mut all = All::default();
        let mut problem = None;
        for (name, had) in names.into_iter().zip(answers) {
            match had {
                Ok(had) => {
                    all.age_ms = all.age_ms.max(had.age_ms);
                    all.inventories.push(had.inventory);
                }
                Err(error) => {
                    all.missing.push(name);
                    problem.get_or_insert(error);
                }
            }
        }
        (all, problem)
    }

    /// Something else about one account.
    pub(super) async fn asked(
        &self,
        account: &KubernetesAccount,
        ask: Ask,
        wait: Option<Duration>,
    ) -> Result<Value, Problem> {
        match self.ask_worker(account, ask, wait.unwrap_or(WAIT)).await? {
            Reply::Value { value } => Ok(value),
            Reply::Objects { .. } | Reply::Refused { .. } => Err(strange(account)),
        }
    }

    async fn ask_worker(
        &self,
        account: &KubernetesAccount,
        ask: Ask,
        wait: Duration,
    ) -> Result<Reply, Problem> {
        let question = Question {
            v: VERSION,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            ask,
        };
        let payload: Bytes = serde_json::to_vec(&question)
            .map_err(|error| Problem::internal(error.to_string()))?
            .into();
        let subject = subject::ask(POOL, &account.name);
        let answer = match self.bus().ask(subject, payload, wait).await {
            Ok(answer) => answer,
            Err(CommandError::NoOwner) => {
                return Err(Problem::unavailable(format!(
                    "No worker {}",
                    serving(account)
                )));
            }
            Err(CommandError::Timeout) => {
                return Err(Problem::unavailable(format!(
                    "No worker {} answered within {wait:?}",
                    serving(account)
                )));
            }
            Err(error) => {
                return Err(Problem::unavailable(format!(
                    "The workers {} cannot be asked: {error}",
                    serving(account)
                )));
            }
        };
        match serde_json::from_slice::<Told>(&answer) {
            Ok(Told {
                reply: Reply::Refused { code, message },
                ..
            }) => Err(refused(code, message)),
            Ok(told) => Ok(told.reply),
            Err(error) => Err(Problem::internal(format!(
                "The answer about account {} cannot be read: {error}",
                account.name
            ))),
        }
    }
}

/// Who would answer.
fn serving(account: &KubernetesAccount) -> String {
    let zone = match account.place() {
        Some(zone) => format!("zone {zone}"),
        None => "any zone".to_owned(),
    };
    format!("of pool {POOL} in {zone} serves account {}", account.name)
}

fn refused(code: Refused, message: String) -> Problem {
    use axum::http::StatusCode;
    match code {
        Refused::NotFound => Problem::not_found(message),
        Refused::Invalid => Problem::bad_request(message),
        Refused::Forbidden => Problem::new(StatusCode::FORBIDDEN, message),
        Refused::TooLarge => Problem::too_large(message),
        Refused::Unavailable => Problem::unavailable(message),
        Refused::Failed => Problem::internal(message),
    }
}

fn strange(account: &KubernetesAccount) -> Problem {
    Problem::internal(format!(
        "The answer about account {} is of another kind",
        account.name
    ))
}
