//! Timers, in memory: rebuilt from the states at take-over, so that arming and disarming cost no write of their own.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_engine::Timer;
use gennaker_model::ExecutionId;

/// All armed timers of a partition.
#[derive(Default)]
pub(crate) struct Wheel {
    due: BTreeSet<(i64, ExecutionId, Timer)>,
    armed: BTreeMap<(ExecutionId, Timer), i64>,
}

impl Wheel {
    /// Arms a timer, in place of an earlier one with the same key.
    pub fn arm(&mut self, execution: &ExecutionId, timer: &Timer, due: i64) {
        self.disarm(execution, timer);
        self.armed.insert((execution.clone(), timer.clone()), due);
        self.due.insert((due, execution.clone(), timer.clone()));
    }

    /// Disarms a timer, if it is armed.
    pub fn disarm(&mut self, execution: &ExecutionId, timer: &Timer) {
        let key = (execution.clone(), timer.clone());
        if let Some(due) = self.armed.remove(&key) {
            self.due.remove(&(due, key.0, key.1));
        }
    }

    /// When the next one is due, epoch milliseconds.
    pub fn next(&self) -> Option<i64> {
        self.due.first().map(|(due, _, _)| *due)
    }

    /// Takes one timer that is due at `now`.
    pub fn pop(&mut self, now: i64) -> Option<(ExecutionId, Timer, i64)> {
        if self.next()? > now {
            return None;
        }
        let (due, execution, timer) = self.due.pop_first()?;
        self.armed.remove(&(execution.clone(), timer.clone()));
        Some((execution, timer, due))
    }

    /// Number of armed timers.
    pub fn len(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use gennaker_engine::Purpose;
    use gennaker_model::StageId;

    use super::*;

    #[test]
    fn timers_fire_in_order_and_once() {
        let id = ExecutionId::new("x").unwrap();
        let timer = |name: &str| Timer {
            stage: StageId::new(name).unwrap(),
            purpose: Purpose::Again,
        };
        let mut wheel = Wheel::default();
        wheel.arm(&id, &timer("a"), 30);
        wheel.arm(&id, &timer("b"), 10);
        wheel.arm(&id, &timer("a"), 20);
        wheel.arm(&id, &timer("c"), 5);
        wheel.disarm(&id, &timer("c"));
        assert_eq!(wheel.next(), Some(10));
        assert_eq!(wheel.pop(9), None);
        let fired: Vec<_> = std::iter::from_fn(|| wheel.pop(100))
            .map(|(_, timer, due)| (timer.stage.to_string(), due))
            .collect();
        assert_eq!(fired, [("b".to_owned(), 10), ("a".to_owned(), 20)]);
        assert_eq!(wheel.len(), 0);
    }
}
