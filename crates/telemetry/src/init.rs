//! Setting up the process.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanProcessor};
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, filter};

use crate::export::{self, Exporting, Otlp};
use crate::format::{Fields, Format, Sentence};
use crate::trace::set_sink;

/// How long the last spans may take on their way to the collector.
pub const LAST_SPANS_WITHIN: Duration = Duration::from_millis(600);

/// What to log and where to send traces.
#[derive(Debug, Clone)]
pub struct Config {
    /// How a log line looks.
    pub format: Format,
    /// What is logged, as `RUST_LOG` is written: `info,gennaker_scheduler=debug`.
    pub filter: String,
    /// Roles of this process, for the traces' resource.
    pub roles: Vec<String>,
    /// The trace collector; none turns traces off.
    pub otlp: Option<Otlp>,
}

/// Why logging or tracing could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The filter cannot be understood.
    #[error("the log filter {filter:?} is not understood: {reason}")]
    Filter {
        /// As it was given.
        filter: String,
        /// The parser's words.
        reason: String,
    },
    /// The collector's address cannot be used.
    #[error("the trace endpoint {endpoint:?} cannot be used: {reason}")]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Traces need a tokio runtime to be sent on.
    #[error("traces need a running tokio runtime")]
    NoRuntime,
    /// Somebody did it before.
    #[error("logging is set up already")]
    Twice,
}

/// Keeps what [`init`] started. Without [`Guard::shutdown`] the spans of the last seconds are not sent.
#[derive(Debug)]
#[must_use = "shut it down last, or the last spans are not sent"]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
}

/// Sets up logging to standard error, and the export of traces if one is configured. Once per process, inside the tokio
/// runtime that will do the calls.
///
/// # Errors
/// See [`Error`].
pub fn init(config: &Config) -> Result<Guard, Error> {
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (subscriber, exporting) = build(config, std::io::stderr, colours)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Twice)?;
    Ok(Guard::new(exporting))
}

impl Guard {
    fn new(exporting: Option<Exporting>) -> Guard {
        let provider = exporting.map(
            |Exporting {
                 provider,
                 processor,
             }| {
                set_sink(Some(Arc::new(move |span| processor.on_end(span))));
                provider
            },
        );
        Guard { provider }
    }

    /// Sends what spans are left and ends the export; gives up after [`LAST_SPANS_WITHIN`], because whoever asked the process to
    /// end waits.
    pub async fn shutdown(mut self) {
        set_sink(None);
        let Some(provider) = self.provider.take() else {
            return;
        };
        // Blocks until the export thread is done, which itself needs this runtime.
        let ending =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS_WITHIN));
        match tokio::time::timeout(LAST_SPANS_WITHIN, ending).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans were not sent"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last spans were not sent in time"),
        }
    }
}

fn build<W>(
    config: &Config,
    writer: W,
    colours: bool,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Option<Exporting>), Error>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|error| Error::Filter {
            filter: config.filter.clone(),
            reason: error.to_string(),
        })?;
    let exporting = config
        .otlp
        .as_ref()
        .map(|otlp| export::start(otlp, &config.roles))
        .transpose()?;
    let traces = exporting.as_ref().map(|exporting| {
        tracing_opentelemetry::layer()
            .with_tracer(exporting.provider.tracer("gennaker"))
            .with_location(false)
            .with_threads(false)
            // Our own spans only, whatever is logged: the HTTP client's would trace the export itself.
            .with_filter(filter::filter_fn(|meta| {
                meta.is_span()
                    && *meta.level() <= Level::INFO
                    && meta.target().starts_with("gennaker")
            }))
    });
    let subscriber = Registry::default()
        .with(traces)
        .with(lines(config.format, writer, colours).with_filter(filter));
    Ok((subscriber, exporting))
}

fn lines<S, W>(format: Format, writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(colours);
    match format {
        Format::Text => layer.fmt_fields(Fields).event_format(Sentence).boxed(),
        Format::Json => layer
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    }
}

#[cfg(test)]
mod tests;
