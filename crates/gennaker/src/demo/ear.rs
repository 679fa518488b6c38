//! Notices what a client verb has printed, so that what is said beside it comes in order.

use std::io::Write;
use std::sync::Arc;

use gennaker_cli::Io;
use tokio::sync::Notify;

/// Returns when a line with this word has been printed on the error output of a verb.
pub(super) fn listen(io: &mut Io, word: &'static str) -> impl Future<Output = ()> + use<> {
    let heard = Arc::new(Notify::new());
    let mouth = std::mem::replace(&mut io.err, Box::new(std::io::sink()));
    io.err = Box::new(Ear {
        mouth,
        word,
        heard: Arc::clone(&heard),
    });
    async move { heard.notified().await }
}

struct Ear {
    mouth: Box<dyn Write + Send>,
    word: &'static str,
    heard: Arc<Notify>,
}

impl Write for Ear {
    /// A verb writes whole lines.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let written = self.mouth.write(line)?;
        if String::from_utf8_lossy(line).contains(self.word) {
            // Kept for one who listens later.
            self.heard.notify_one();
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.mouth.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_printed_before_is_heard_too() {
        let mut io = Io::of_process();
        io.err = Box::new(std::io::sink());
        let heard = listen(&mut io, "there");
        io.note("here");
        assert!(
            tokio::time::timeout(std::time::Duration::ZERO, heard)
                .await
                .is_err()
        );
        let heard = listen(&mut io, "there");
        io.note("and there");
        heard.await;
    }
}
