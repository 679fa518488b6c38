//! One delivery of one task, from its arrival to its acknowledgement.

use std::{sync::Arc, time::Duration};

use gennaker_bus::{Bucket, Delivery};
use gennaker_model::{
    Map,
    work::{Order, Outcome, TaskMessage, TaskReport, VERSION},
};
use gennaker_runtime::Backoff;
use gennaker_store::Sealed;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use crate::{
    Ctx, Effect, Task,
    book::Book,
    effect::{Driver, End, NOT_MINE, run_guarded},
    exception,
    holds::Hold,
    incoming::{self, Addressed, Incoming},
    metrics, outcome,
    report::{self, Told},
    shared::{PoolState, Shared},
};

/// The delivery that is not run any more: whoever ran the earlier ones is likely to have died of it.
pub(crate) const DELIVERIES_MAX: u64 = 10;

/// First and longest pause until a large value that cannot be read is tried again.
const VALUES_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Handles a delivery to its end.
pub(crate) async fn handle(shared: Arc<Shared>, pool: Arc<PoolState>, mut delivery: Delivery) {
    let mut slot = delivery.take_slot();
    let mut incoming = None;
    let reading = async { incoming = read(&shared, &delivery, &mut slot).await };
    keep_alive(&shared, &pool, &delivery, reading).await;
    let Some(incoming) = incoming else {
        return hand_back(&delivery, Duration::ZERO).await;
    };
    match incoming {
        Incoming::Task(message) => {
            let span = metrics::span(&shared.name, &message, delivery.delivered);
            keep_alive(
                &shared,
                &pool,
                &delivery,
                attend(&shared, &pool, &delivery, slot, Arc::new(*message)),
            )
            .instrument(span)
            .await;
        }
        Incoming::Addressed(addressed) => {
            keep_alive(
                &shared,
                &pool,
                &delivery,
                refuse(&shared, &delivery, slot, *addressed),
            )
            .await;
        }
        Incoming::Unreadable(problem) => {
            tracing::error!(
                "a task of pool {} cannot be read and is given up: {problem}",
                pool.name
            );
            if let Err(error) = delivery.term(&problem).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a task that cannot be read was not given up and comes again"
                );
            }
        }
    }
}

/// What came, with its large values: as long as their place does not answer, it is asked again, and the slot is free. Nothing when
/// the process stops meanwhile.
async fn read(
    shared: &Shared,
    delivery: &Delivery,
    slot: &mut Option<OwnedSemaphorePermit>,
) -> Option<Incoming> {
    let (address, payload) = (&delivery.address, &delivery.payload);
    if !Sealed::is_message(payload) {
        return Some(incoming::read(address, payload));
    }
    let mut backoff = Backoff::new(VALUES_AGAIN.0, VALUES_AGAIN.1, shared.seed);
    loop {
        let error = match shared.blobs.open(payload.clone()).await {
            Ok(payload) => return Some(incoming::read(address, &payload)),
            Err(error) if error.is_transient() => error,
            Err(error) => return Some(incoming::incomplete(address, payload, &error)),
        };
        if slot.take().is_some() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the large values of a task cannot be read now; it waits"
            );
        }
        tokio::select! {
            biased;
            () = shared.scope.cancelled() => return None,
            () = shared.clock.sleep(backoff.next_delay()) => {}
        }
    }
}

/// Runs `work` and tells the broker meanwhile that the task is in good hands.
async fn keep_alive(
    shared: &Shared,
    pool: &PoolState,
    delivery: &Delivery,
    work: impl Future<Output = ()>,
) {
    let progress = async {
        loop {
            shared.clock.sleep(pool.progress_every).await;
            if let Err(error) = delivery.progress().await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the broker was not told about progress"
                );
            }
        }
    };
    tokio::select! {
        biased;
        () = work => {}
        () = progress => {}
    }
}

async fn attend(
    shared: &Arc<Shared>,
    pool: &PoolState,
    delivery: &Delivery,
    slot: Option<OwnedSemaphorePermit>,
    message: Arc<TaskMessage>,
) {
    let Some(hold) = shared.holds.take(&message, shared.scope.token()) else {
        // The earlier delivery is still at work and acknowledges for both.
        tracing::warn!(
            "task {} was delivered again while it is being worked on",
            message.kind
        );
        return;
    };
    let hold = Arc::new(hold);
    let began_ms = shared.clock.now_ms();
    let end = perform(shared, pool, delivery, &message, &hold).await;
    // A name that this worker does not know comes from outside and is no label.
    let kind = pool
        .tasks
        .get(&message.kind)
        .map_or("unknown", |task| task.kind());
    metrics::ended(&pool.name, kind, &end, shared.clock.now_ms() - began_ms);
    drop(slot);
    match end {
        End::Report(outcome) => {
            let report = report_of(shared, &message, outcome);
            let told = report::deliver(
                shared,
                message.partition,
                &message.kind,
                report,
                shared.seed_for(&message),
            )
            .await;
            match told {
                Told::Taken => tracing::debug!("task {} was reported", message.kind),
                Told::Stale => tracing::info!(
                    "task {} was reported, but nobody waited for it any more",
                    message.kind
                ),
                Told::Refused => {
                    tracing::error!("task {} could not be reported and is dropped", message.kind)
                }
            }
            metrics::told(&pool.name, told);
            acknowledge(delivery).await;
        }
        End::Drop(why) => {
            tracing::info!("task {} is dropped: {why}", message.kind);
            acknowledge(delivery).await;
        }
        End::HandBack(after) => {
            tracing::info!("task {} is handed back", message.kind);
            hand_back(delivery, after).await;
        }
    }
}

async fn perform(
    shared: &Arc<Shared>,
    pool: &PoolState,
    delivery: &Delivery,
    message: &Arc<TaskMessage>,
    hold: &Arc<Hold>,
) -> End {
    let task = pool.tasks.get(&message.kind).cloned();
    let last = delivery.delivered >= DELIVERIES_MAX;
    let Some(task) = task else {
        if last {
            let why = "no worker of its pool knows this kind of task";
            return End::Report(not_run(shared, message, why));
        }
        // A newer scheduler may be ahead of this worker, and a newer worker may be there to take it.
        tracing::warn!(
            "task {} is not known to this worker and is handed back",
            message.kind
        );
        return End::HandBack(NOT_MINE);
    };
    let effect = task.effect(message);
    if effect == Effect::None {
        return match message.order {
            Order::Close => End::Report(closed(None)),
            Order::Run if last => End::Report(not_run(shared, message, TENTH)),
            Order::Run => run_plain(shared, &task, message, hold).await,
        };
    }
    let Some(id) = &message.effect else {
        let why = "it has an effect, but came without the identity of one";
        return End::Report(not_run(shared, message, why));
    };
    let kv = shared.bus.kv(Bucket::Effect(pool.name.clone()));
    let book = Book::new(kv, id.as_str(), shared, message);
    let driver = Driver {
        shared: Arc::clone(shared),
        book,
        task,
        effect,
        message: Arc::clone(message),
        delivered: delivery.delivered,
        hold: Arc::clone(hold),
    };
    if !last {
        return driver.drive().await;
    }
    // What was done before is reported; nothing is tried again.
    driver.put_aside(not_run(shared, message, TENTH)).await
}

const TENTH: &str = "it was delivered ten times without an end, as if its workers died of it";

/// Runs a task without effect.
async fn run_plain(
    shared: &Shared,
    task: &Arc<dyn Task>,
    message: &Arc<TaskMessage>,
    hold: &Hold,
) -> End {
    if let Some(outcome) = outcome::overdue(message, shared.clock.now_ms()) {
        return End::Report(outcome);
    }
    let ctx = Ctx {
        message: Arc::clone(message),
        clock: shared.clock.clone(),
        cancel: hold.cancel.clone(),
        intent: None,
        call_max: None,
    };
    let result = run_guarded(task, &ctx).await;
    let outcome = outcome::plain(message, result, shared.clock.now_ms());
    let stopping = hold.cancel.is_cancelled() && !hold.is_aborted();
    if stopping && matches!(outcome, Outcome::Canceled { .. }) {
        return End::HandBack(Duration::ZERO);
    }
    End::Report(outcome)
}

/// Tells the owner that a task cannot be read, or waits for a worker that can.
async fn refuse(
    shared: &Shared,
    delivery: &Delivery,
    slot: Option<OwnedSemaphorePermit>,
    addressed: Addressed,
) {
    drop(slot);
    let Addressed {
        partition,
        execution,
        stage,
        task,
        attempt,
        kind,
        problem,
        newer,
        closing,
    } = addressed;
    tracing::error!(
        execution.id = %execution,
        task.id = %task,
        "task {kind} of execution {execution} cannot be read: {problem}"
    );
    if newer && delivery.delivered < DELIVERIES_MAX {
        hand_back(delivery, NOT_MINE).await;
        return;
    }
    let message = format!("the worker cannot read the task: {problem}");
    let exception = exception::unexpected(&kind, "UnreadableTask", &message, shared.clock.now_ms());
    let outcome = if closing {
        closed(Some(message))
    } else {
        outcome::with_exception(exception)
    };
    let report = TaskReport {
        v: VERSION,
        execution,
        stage,
        task,
        attempt,
        worker: shared.name.clone(),
        outcome,
    };
    let seed = shared.seed ^ attempt.0;
    report::deliver(shared, partition, &kind, report, seed).await;
    acknowledge(delivery).await;
}

fn report_of(shared: &Shared, message: &TaskMessage, outcome: Outcome) -> TaskReport {
    TaskReport {
        v: VERSION,
        execution: message.execution.clone(),
        stage: message.stage.clone(),
        task: message.task.clone(),
        attempt: message.attempt,
        worker: shared.name.clone(),
        outcome,
    }
}

fn not_run(shared: &Shared, message: &TaskMessage, why: &str) -> Outcome {
    tracing::error!("task {} is not run: {why}", message.kind);
    match message.order {
        Order::Run => {
            let now_ms = shared.clock.now_ms();
            let exception = exception::unexpected(&message.kind, "TaskNotRun", why, now_ms);
            outcome::with_exception(exception)
        }
        Order::Close => closed(Some(format!("{} could not be closed: {why}", message.kind))),
    }
}

fn closed(remains: Option<String>) -> Outcome {
    Outcome::Closed {
        remains,
        context: Map::new(),
    }
}

/// An acknowledgement that is lost makes the task come again and find what was done: its report is stale.
async fn acknowledge(delivery: &Delivery) {
    if let Err(error) = delivery.ack_unconfirmed().await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a task was not acknowledged and will come again"
        );
    }
}

async fn hand_back(delivery: &Delivery, after: Duration) {
    if let Err(error) = delivery.nak(after).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a task was not handed back; it comes again by itself"
        );
    }
}
