//! The live feed of one execution, used only for "something changed": the document itself is read again.
//!
//! A lost, repeated or late event can therefore do no harm. When the server has no feed, or it breaks, the reader is told
//! that the feed is not live and polls meanwhile.

use std::{convert::Infallible, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::sse::Parser;
use crate::{gate::Gate, http::Streaming, text::encode};

/// A stream without any byte for this long is taken for dead; the server sends a heartbeat every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// What the feed has said so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Feed {
    /// Goes up with every hint.
    pub(super) hints: u64,
    /// Whether a stream is open, so that polling is not needed.
    pub(super) live: bool,
}

/// Keeps a stream open for ever, with full-jitter backoff between 0.5 s and 30 s; never returns.
pub(super) async fn listen(gate: &Gate, execution: &str, feed: &watch::Sender<Feed>) -> Infallible {
    let path = format!(
        "/v2/feed?topics={}",
        encode(&format!("execution:{execution}"))
    );
    let mut last_event_id = None;
    let mut failures = 0;
    loop {
        if let Ok(mut stream) = gate.stream(&path, last_event_id.as_deref()).await {
            if is_feed(&stream) {
                feed.send_modify(|feed| {
                    feed.live = true;
                    feed.hints += 1;
                });
                let heard = read(&mut stream, &mut last_event_id, feed).await;
                failures = if heard { 0 } else { failures };
                feed.send_modify(|feed| feed.live = false);
            } else if (400..500).contains(&stream.head.status) {
                // This server has no such feed, or not for us; asking again would only load it.
                return std::future::pending().await;
            }
        }
        failures += 1;
        tokio::time::sleep(backoff(failures, rand::random::<f64>())).await;
    }
}

/// The wait before attempt number `failures`: somewhere between 0.5 s and a ceiling that doubles up to 30 s.
pub(super) fn backoff(failures: u32, random: f64) -> Duration {
    let ceiling = (0.5 * 2f64.powi(failures.min(10).cast_signed())).min(30.0);
    Duration::from_secs_f64(0.5 + (ceiling - 0.5) * random.clamp(0.0, 1.0))
}

fn is_feed(stream: &Streaming) -> bool {
    stream.head.status == 200
        && stream
            .head
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// Reads until the stream ends; whether it said anything.
async fn read(
    stream: &mut Streaming,
    last_event_id: &mut Option<String>,
    feed: &watch::Sender<Feed>,
) -> bool {
    let mut parser = Parser::default();
    let mut heard = false;
    while let Ok(Some(Ok(bytes))) = timeout(SILENCE_MAX, stream.chunks.next()).await {
        for event in parser.push(&bytes) {
            heard = true;
            if event.id.is_some() {
                *last_event_id = event.id;
            }
            if event.name != "hb" {
                feed.send_modify(|feed| feed.hints += 1);
            }
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_grows_from_half_a_second_to_thirty() {
        let range = |failures| {
            (
                backoff(failures, 0.0).as_secs_f64(),
                backoff(failures, 1.0).as_secs_f64(),
            )
        };
        assert_eq!(range(1), (0.5, 1.0));
        assert_eq!(range(3), (0.5, 4.0));
        assert_eq!(range(6), (0.5, 30.0));
        assert_eq!(range(u32::MAX), (0.5, 30.0));
    }
}
