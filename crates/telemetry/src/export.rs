//! Traces to a collector, by OTLP over HTTP.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::Context;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor,
};
use tokio::runtime::Handle;

use crate::init::Error;

/// The answer to a [`Post`]: a status code and the body, or why there was none.
pub type Posted = Result<(u16, Vec<u8>), String>;

/// Sends HTTP POST requests for the export. Implemented by the program with its HTTP client, within whose limits on time
/// and size it stays.
pub trait Post: fmt::Debug + Send + Sync + 'static {
    /// Posts `body` to `url` and returns the answer, whatever its status.
    fn post(
        &self,
        url: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Posted> + Send>>;
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Otlp {
    /// URL of the collector (`http://collector:4318`); `/v1/traces` is added if it is not there.
    pub endpoint: String,
    /// How it is called.
    pub post: Arc<dyn Post>,
}

/// The provider, and a way to hand it spans made by hand.
pub(crate) struct Exporting {
    pub(crate) provider: SdkTracerProvider,
    pub(crate) processor: Arc<BatchSpanProcessor>,
}

pub(crate) fn start(otlp: &Otlp, roles: &[String]) -> Result<Exporting, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
    let invalid = |reason: String| Error::Endpoint {
        endpoint: otlp.endpoint.clone(),
        reason,
    };
    let known = ["http://", "https://"]
        .iter()
        .any(|scheme| otlp.endpoint.starts_with(scheme));
    if !known {
        return Err(invalid("it is not an http or https URL".to_owned()));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Poster {
            runtime,
            post: Arc::clone(&otlp.post),
            failing: AtomicBool::new(false),
        })
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_endpoint(traces_url(&otlp.endpoint))
        .with_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    // OTEL_RESOURCE_ATTRIBUTES adds what the deployment knows (pod, node).
    let resource = Resource::builder()
        .with_service_name("gennaker")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .with_attribute(opentelemetry::KeyValue::new(
            "gennaker.roles",
            roles.join(","),
        ))
        .build();
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    // Once it is shared it cannot be told any more, so it is told before the provider would.
    processor.set_resource(&resource);
    let processor = Arc::new(processor);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_span_processor(Shared(Arc::clone(&processor)))
        .build();
    Ok(Exporting {
        provider,
        processor,
    })
}

fn traces_url(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with("/v1/traces") {
        base.to_owned()
    } else {
        format!("{base}/v1/traces")
    }
}

/// A processor with two owners.
#[derive(Debug)]
struct Shared(Arc<BatchSpanProcessor>);

impl SpanProcessor for Shared {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

/// The exporter runs on a thread of its own, without tokio; the call is made on the program's runtime.
#[derive(Debug)]
struct Poster {
    runtime: Handle,
    post: Arc<dyn Post>,
    failing: AtomicBool,
}

impl HttpClient for Poster {
    // Written out because the trait was made by the `async_trait` macro, which is not worth a dependency here.
    fn send_bytes<'life, 'future>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let headers = head
                .headers
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.to_string(), value.to_str().ok()?.to_owned()))
                })
                .collect();
            let call = self.post.post(head.uri.to_string(), headers, body.to_vec());
            let posted = match self.runtime.spawn(call).await {
                Ok(posted) => posted,
                Err(ended) => Err(format!("the call did not end: {ended}")),
            };
            self.tell(&posted);
            let (status, body) = posted?;
            Ok(Response::builder().status(status).body(Bytes::from(body))?)
        })
    }
}

impl Poster {
    /// One line when the collector fails and one when it is back, not one per attempt.
    fn tell(&self, posted: &Posted) {
        let problem = match posted {
            Ok((200..=299, _)) => None,
            Ok((status, _)) => Some(format!("status {status}")),
            Err(error) => Some(error.clone()),
        };
        let failed_before = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !failed_before => {
                tracing::warn!(
                    problem,
                    "the trace collector does not take spans; they are dropped"
                );
            }
            None if failed_before => tracing::info!("the trace collector takes spans again"),
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_once() {
        for endpoint in [
            "http://c:4318",
            "http://c:4318/",
            "http://c:4318/v1/traces",
            "http://c:4318/v1/traces/",
        ] {
            assert_eq!(traces_url(endpoint), "http://c:4318/v1/traces");
        }
        assert_eq!(traces_url("https://c/otlp"), "https://c/otlp/v1/traces");
    }
}
