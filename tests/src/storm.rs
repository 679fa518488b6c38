//! Kills at random moments: every process, and the brokers.

use std::time::{Duration, Instant};

use crate::installation::Installation;
use crate::random::Random;
use crate::receiver::Receiver;

/// How long a request is waited for, to kill those who send it.
const REQUEST_WITHIN: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// How hard it blows.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Pause between two kills, least and most, in milliseconds.
    pub pause_ms: (u64, u64),
    /// How long what was killed stays away, least and most, in milliseconds.
    pub down_ms: (u64, u64),
}

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    /// The process at this place.
    Process(usize),
    /// One of the brokers.
    Broker,
    /// All workers, right after a request of theirs arrived and before it is answered, if one comes.
    WorkersAtWork,
}

/// Kills, counted.
pub struct Storm<'a> {
    installation: &'a mut Installation,
    receiver: &'a Receiver,
    random: Random,
    killed: Vec<String>,
    brokers_killed: usize,
}

impl<'a> Storm<'a> {
    /// Over this installation; `receiver` is what its pipelines call.
    pub fn new(installation: &'a mut Installation, receiver: &'a Receiver, random: Random) -> Self {
        Self {
            installation,
            receiver,
            random,
            killed: Vec::new(),
            brokers_killed: 0,
        }
    }

    /// Kills everybody once, in random order, one after the other and now and then two at the same time. Afterwards everything
    /// runs.
    ///
    /// # Panics
    /// When a process ended by itself, or a broker does not become healthy again.
    pub async fn round(&mut self, weather: Weather) {
        let mut victims: Vec<Victim> = (0..self.installation.processes.len())
            .map(Victim::Process)
            .collect();
        victims.extend([Victim::Broker, Victim::WorkersAtWork]);
        while !victims.is_empty() {
            let victim = victims.swap_remove(self.random.below(victims.len()));
            self.strike(victim, weather).await;
        }
    }

    /// Kills somebody now and then, until `over` says that it is enough, or at most so long. Afterwards everything runs.
    ///
    /// # Panics
    /// As [`Storm::round`].
    pub async fn until(&mut self, over: impl Fn() -> bool, most: Duration, weather: Weather) {
        let until = Instant::now() + most;
        while Instant::now() < until && !over() {
            let processes = self.installation.processes.len();
            let victim = match self.random.below(processes + 1) {
                place if place < processes => Victim::Process(place),
                _ => Victim::Broker,
            };
            self.strike(victim, weather).await;
        }
    }

    /// Who was killed, in order.
    pub fn killed(&self) -> &[String] {
        &self.killed
    }

    async fn strike(&mut self, victim: Victim, weather: Weather) {
        let pause = self
            .random
            .between_ms(weather.pause_ms.0, weather.pause_ms.1);
        tokio::time::sleep(pause).await;
        // Before the next kill: what ended by itself must not pass for killed.
        self.installation.check_processes();
        let down = self.random.between_ms(weather.down_ms.0, weather.down_ms.1);
        match victim {
            Victim::Broker => {
                // In turn, so that each of them is killed.
                let at = self.brokers_killed % self.installation.brokers.count();
                self.brokers_killed += 1;
                self.killed.push(format!("broker-{at}"));
                self.installation.brokers.kill_9(at);
                tokio::time::sleep(down).await;
                self.installation.brokers.restart(at);
            }
            Victim::Process(place) => {
                let mut places = vec![place];
                if self.random.below(4) == 0 {
                    places.push(self.random.below(self.installation.processes.len()));
                }
                self.kill_processes(&places, down).await;
            }
            Victim::WorkersAtWork => {
                self.wait_for_request().await;
                let processes = self.installation.processes.iter().enumerate();
                let workers = processes.filter(|(_, process)| process.name.starts_with("worker"));
                let places: Vec<usize> = workers.map(|(place, _)| place).collect();
                self.kill_processes(&places, down).await;
            }
        }
    }

    async fn kill_processes(&mut self, places: &[usize], down: Duration) {
        for place in places {
            let process = &mut self.installation.processes[*place];
            process.kill_9();
            self.killed.push(process.name.clone());
        }
        tokio::time::sleep(down).await;
        for place in places {
            self.installation.processes[*place].start_again();
        }
    }

    async fn wait_for_request(&self) {
        let (before, until) = (self.receiver.count(), Instant::now() + REQUEST_WITHIN);
        while self.receiver.count() == before && Instant::now() < until {
            tokio::time::sleep(POLL).await;
        }
    }
}
