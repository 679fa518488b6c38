//! The measurements, each in a file of its own, and their order.

mod cold;
mod fan_out;
mod kubernetes;
mod list;
mod parked;
mod sequence;
mod take_over;
mod timers;
mod webhooks;

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::api::{Api, noop, noops};
use crate::brokers::Sync;
use crate::process::total;
use crate::report::Row;
use crate::target::{Programs, Setup, Target};

/// What is measured.
pub struct Plan<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// The installation.
    pub setup: Setup,
    /// The short set.
    pub quick: bool,
    /// Which measurements.
    pub names: Vec<Name>,
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Name {
    /// Start of `gennaker dev` until the first stage is done
    Cold,
    /// Ten stages in sequence at 1, 16 and 64 clients
    Sequence,
    /// One stage, a hundred beside each other, one stage
    FanOut,
    /// How late waits end
    Timers,
    /// A list of 25 executions among many
    List,
    /// Executions that wait for a person
    Parked,
    /// Another scheduler goes on after `kill -9`
    TakeOver,
    /// A thousand webhooks in a second
    Webhooks,
    /// The sequence with three brokers
    ThreeBrokers,
    /// Deployments to a Kubernetes control plane beside kubectl; only when it is asked for, as it needs one
    Kubernetes,
    /// The last part of `kubernetes` alone: the memory of a worker that knows many pods
    Pods,
}

impl Name {
    /// What is measured unless something else is asked for.
    pub fn usual(setup: Setup, three_too: bool) -> Vec<Self> {
        let is_usual = |name: &Self| match name {
            Self::Cold => setup == Setup::Dev,
            Self::ThreeBrokers => three_too,
            Self::Kubernetes | Self::Pods => false,
            Self::Sequence
            | Self::FanOut
            | Self::Timers
            | Self::List
            | Self::Parked
            | Self::TakeOver
            | Self::Webhooks => true,
        };
        Self::value_variants()
            .iter()
            .copied()
            .filter(is_usual)
            .collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Runs them; `tell` hears which one comes next. What cannot be measured has a row that says why.
pub async fn all(plan: &Plan<'_>, tell: impl Fn(Name)) -> Vec<Row> {
    let mut rows = Vec::new();
    let wanted = |name: Name| plan.names.contains(&name);
    if wanted(Name::Cold) {
        tell(Name::Cold);
        rows.extend(or_reason(Name::Cold, cold::measure(plan).await));
    }
    let shared = [Name::Sequence, Name::FanOut, Name::Timers, Name::List];
    if shared.iter().any(|name| wanted(*name)) {
        on_one_target(plan, &shared, &tell, &mut rows).await;
    }
    if wanted(Name::Parked) {
        tell(Name::Parked);
        rows.extend(or_reason(Name::Parked, parked::measure(plan).await));
    }
    if wanted(Name::TakeOver) {
        tell(Name::TakeOver);
        rows.extend(or_reason(Name::TakeOver, take_over::measure(plan).await));
    }
    if wanted(Name::Webhooks) {
        tell(Name::Webhooks);
        rows.extend(or_reason(Name::Webhooks, webhooks::measure(plan).await));
    }
    if wanted(Name::ThreeBrokers) {
        tell(Name::ThreeBrokers);
        rows.extend(or_reason(Name::ThreeBrokers, three_brokers(plan).await));
    }
    if wanted(Name::Kubernetes) {
        tell(Name::Kubernetes);
        rows.extend(or_reason(Name::Kubernetes, kubernetes::measure(plan).await));
    }
    if wanted(Name::Pods) {
        tell(Name::Pods);
        rows.extend(or_reason(Name::Pods, kubernetes::measure_pods(plan).await));
    }
    rows
}

/// What was measured; a measurement that failed does not take the others with it.
fn or_reason(name: Name, measured: Result<Vec<Row>>) -> Vec<Row> {
    measured.unwrap_or_else(|error| {
        vec![Row {
            name: name.to_string(),
            failure: Some(format!("{error:#}")),
            ..Row::default()
        }]
    })
}

async fn three_brokers(plan: &Plan<'_>) -> Result<Vec<Row>> {
    let setup = Setup::Serve {
        brokers: 3,
        sync: Sync::Always,
    };
    let mut target = prepared(plan.programs, setup).await?;
    sequence::measure(plan, &mut target, &[64]).await
}

/// Measurements that follow each other on one installation, and the memory that it has afterwards.
async fn on_one_target(plan: &Plan<'_>, names: &[Name], tell: &impl Fn(Name), rows: &mut Vec<Row>) {
    let mut target = match prepared(plan.programs, plan.setup).await {
        Ok(target) => target,
        Err(error) => return rows.extend(or_reason(names[0], Err(error))),
    };
    for name in names
        .iter()
        .copied()
        .filter(|name| plan.names.contains(name))
    {
        tell(name);
        let measured = match name {
            Name::Sequence => sequence::measure(plan, &mut target, &[1, 16, 64]).await,
            Name::FanOut => fan_out::measure(plan, &mut target).await,
            Name::Timers => timers::measure(plan, &mut target).await,
            Name::List => list::measure(plan, &mut target).await,
            Name::Cold
            | Name::Parked
            | Name::TakeOver
            | Name::Webhooks
            | Name::ThreeBrokers
            | Name::Kubernetes
            | Name::Pods => {
                continue;
            }
        };
        rows.extend(or_reason(name, measured));
    }
    let mut row = new_row("memory after these", &target);
    row.usage = target.usages();
    if plan.setup.brokers() == 1 && !plan.quick {
        let found = Some(megabytes(total(&row.usage).resident_bytes));
        row.check(
            "under 120 MB, all roles and the broker",
            found,
            "MB",
            |found| found < 120.0,
        );
    }
    rows.push(row);
}

/// Pipelines of this name with these stages, several of them: each belongs to one partition, and all shall have work.
fn spread(name: &str) -> Vec<String> {
    (0..16).map(|number| format!("{name}-{number}")).collect()
}

/// An installation with everything saved that is measured on it.
async fn prepared(programs: &Programs, setup: Setup) -> Result<Target> {
    let mut target = Target::start(programs, setup).await?;
    target.wait_healthy().await?;
    save_pipelines(&target)
        .await
        .with_context(|| target.log_tail())?;
    Ok(target)
}

/// The same for a soak, with the pipelines that it runs.
///
/// # Errors
/// As [`all`].
pub async fn prepared_for_soak(programs: &Programs, setup: Setup) -> Result<(Target, Vec<String>)> {
    Ok((prepared(programs, setup).await?, spread("ten")))
}

async fn save_pipelines(target: &Target) -> Result<()> {
    let mut pipelines = Vec::new();
    for name in spread("ten") {
        pipelines.push((name, noops(10)));
    }
    let mut fan = vec![noop(1, &[])];
    fan.extend((2..102).map(|number| noop(number, &[1])));
    fan.push(noop(102, &(2..102).collect::<Vec<_>>()));
    pipelines.push(("fan".to_owned(), fan));
    pipelines.push(("wait".to_owned(), timers::stages()));
    pipelines.push(("instant".to_owned(), list::stages()));
    for name in spread("judged") {
        pipelines.push((name, parked::stages()));
    }
    Api::new(target.address).save(&pipelines).await
}

fn new_row(name: impl Into<String>, target: &Target) -> Row {
    Row {
        name: name.into(),
        setup: target.setup.describe(),
        fsync: target.setup.fsync(),
        ..Row::default()
    }
}

/// Adds what went wrong, if something did.
fn note_failures(row: &mut Row, (count, reasons): &(u64, Vec<String>)) {
    if *count > 0 {
        row.notes.push(format!(
            "{count} runs FAILED, for example: {}",
            reasons.join("; ")
        ));
    }
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    let bytes = bytes as f64;
    bytes / 1e6
}

fn seconds(quick: bool, short: f64, long: f64) -> Duration {
    Duration::from_secs_f64(if quick { short } else { long })
}
