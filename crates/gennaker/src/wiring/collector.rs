//! Calls to the trace collector, with the one HTTP client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use gennaker_cli::Failure;
use gennaker_outbound::{Client, Options, Policy, Request};
use gennaker_settings::Settings;
use gennaker_telemetry::{Post, Posted};

use crate::output::chain;

use super::{client, ms, proxies};

/// Largest answer of a collector that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// How the collector is called: its address is the operator's choice, so any host will do.
pub(super) fn post(settings: &Settings) -> Result<Arc<dyn Post>, Failure> {
    let options = Options {
        connect_timeout: ms(settings.outbound.connect_timeout_ms),
        read_timeout: ms(settings.outbound.read_timeout_ms),
        response_bytes_max: ANSWER_BYTES_MAX,
        proxies: proxies()?,
        ..Options::default()
    };
    Ok(Arc::new(Collector(client(Policy::trusted(), options)?)))
}

#[derive(Debug)]
struct Collector(Client);

impl Post for Collector {
    fn post(
        &self,
        url: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Posted> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let mut request = Request::new("POST", url);
            // They may hold the collector's credentials.
            request.secret_headers = headers;
            request.body = Some(body);
            let answer = client.send(request).await.map_err(|error| chain(&error))?;
            Ok((answer.status, answer.body.to_vec()))
        })
    }
}
