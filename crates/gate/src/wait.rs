//! Waiting for an ad-hoc task, as Gate does before it answers a save.

use std::time::Duration;

use gennaker_model::{CommandId, Execution, ExecutionId, command::Request};
use tokio::time::Instant;

use crate::{Gate, call::Ask, problem::Problem};

/// How long a save waits: Gate polls 32 times, a second apart.
pub(crate) const SAVE: Duration = Duration::from_secs(32);

/// How long a bulk save waits: 300 polls, two seconds apart.
pub(crate) const BULK_SAVE: Duration = Duration::from_secs(600);

/// A task is looked at this often, and whenever the feed names it.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until the execution is complete; gives back what it is when time is up otherwise.
pub(crate) async fn for_task(
    gate: &Gate,
    id: &ExecutionId,
    patience: Duration,
) -> Result<Execution, Problem> {
    // Subscribed before the first look, so that no hint falls between.
    let mut hints = gate.hub().follow();
    let deadline = Instant::now() + patience;
    loop {
        let document = gate
            .owners()
            .read(id, fresh(gate, id))
            .await?
            .ok_or_else(|| Problem::not_found(format!("Task not found (id: {id})")))?;
        let now = Instant::now();
        if document.status.is_complete() || now >= deadline {
            return Ok(document);
        }
        tokio::select! {
            () = hints.changed(id) => {}
            () = tokio::time::sleep_until(deadline.min(now + LOOK)) => {}
            () = gate.stopping().cancelled() => {
                return Err(Problem::unavailable(format!(
                    "The server is stopping; task {id} goes on, ask for /tasks/{id}"
                )));
            }
        }
    }
}

/// Each look is a command of its own: a repeated id would be answered from memory.
fn fresh(gate: &Gate, id: &ExecutionId) -> Ask {
    let random: u128 = rand::random();
    Ask {
        id: CommandId::new(format!("{random:032x}.read"))
            .expect("hexadecimal digits and a word are an id"),
        at_ms: gate.now_ms(),
        trace: None,
        request: Request::Read {
            execution: id.clone(),
        },
    }
}
