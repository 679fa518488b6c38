//! What happened, as lines: kept only when a seed is run to be looked at.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

/// Lines that are kept.
const LINES_MAX: usize = 4_000;

/// The lines of a run. Clones share them.
#[derive(Clone)]
pub(crate) struct Trace {
    began: Instant,
    /// `None` when nobody wants to see them.
    lines: Option<Arc<Mutex<VecDeque<String>>>>,
}

impl Trace {
    pub fn new(wanted: bool) -> Self {
        Self {
            began: Instant::now(),
            lines: wanted.then(Arc::default),
        }
    }

    pub fn line(&self, line: impl FnOnce() -> String) {
        let Some(lines) = &self.lines else { return };
        let line = format!("{:>8} ms  {}", self.began.elapsed().as_millis(), line());
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub fn lines(&self) -> Vec<String> {
        let lines = self
            .lines
            .as_ref()
            .map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone());
        lines.unwrap_or_default().into()
    }

    /// Takes the log of everything that runs on this thread into the trace, as long as the guard lives.
    pub fn listen(&self) -> Option<tracing::subscriber::DefaultGuard> {
        self.lines.as_ref()?;
        let trace = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || Writer(trace.clone()))
            .finish();
        Some(tracing::subscriber::set_default(subscriber))
    }
}

struct Writer(Trace);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.line(|| text.trim_end().to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
