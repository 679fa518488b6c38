//! Trace ids, derived or received.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// A place in a trace: which trace, and which span of it. What W3C calls a trace context, without vendors' state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// The root of an execution's trace, always sampled. A ULID is used as it is; any other id by its hash.
    pub fn of_execution(execution_id: &str) -> TraceContext {
        let trace_id =
            parse_ulid(execution_id).unwrap_or_else(|| fnv1a_128(execution_id.as_bytes()));
        let trace_id = if trace_id == 0 { 1 } else { trace_id };
        TraceContext {
            trace_id,
            span_id: derive(&trace_id.to_be_bytes(), b"execution"),
            sampled: true,
        }
    }

    /// The place of the part called `name` below this one (`stage/…`, `task/…/attempt`): the same for the same name,
    /// in any process.
    #[must_use]
    pub fn within(&self, name: &str) -> TraceContext {
        TraceContext {
            span_id: derive(&self.span_id.to_be_bytes(), name.as_bytes()),
            ..*self
        }
    }

    /// Reads a `traceparent` of version 00, or the part of a later version that it shares.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, length: usize| {
            let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            (text.len() == length && text.bytes().all(lower))
                .then(|| u128::from_str_radix(text, 16).ok())?
        };
        let version = hex(version, 2)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let trace_id = hex(trace, 32).filter(|&id| id != 0)?;
        let span_id = hex(span, 16)
            .and_then(|id| u64::try_from(id).ok())
            .filter(|&id| id != 0)?;
        Some(TraceContext {
            trace_id,
            span_id,
            sampled: hex(flags, 2)? & 1 == 1,
        })
    }

    /// Whether the trace is kept.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The trace's id as 32 hexadecimal digits, as trace viewers want it in their URLs.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub(crate) fn of_span(span: &SpanContext) -> TraceContext {
        TraceContext {
            trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(span.span_id().to_bytes()),
            sampled: span.is_sampled(),
        }
    }

    pub(crate) fn to_span_context(self) -> SpanContext {
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        let (trace, span) = (TraceId::from(self.trace_id), SpanId::from(self.span_id));
        SpanContext::new(trace, span, flags, true, TraceState::default())
    }

    pub(crate) fn span_id(self) -> SpanId {
        SpanId::from(self.span_id)
    }
}

/// As the value of a `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        )
    }
}

/// 26 digits of Crockford's base 32, in either case.
fn parse_ulid(text: &str) -> Option<u128> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0_u128, |value, byte| {
        let digit = DIGITS
            .iter()
            .position(|&known| known == byte.to_ascii_uppercase())?;
        Some((value << 5) | u128::try_from(digit).ok()?)
    })
}

/// An id for the part `name` of what `parent` identifies; never zero, which means "none".
fn derive(parent: &[u8], name: &[u8]) -> u64 {
    let hash = parent
        .iter()
        .chain(name)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    hash.max(1)
}

fn fnv1a_128(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, &byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ulid_is_its_trace_id() {
        let root = TraceContext::of_execution("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert_eq!(root.trace_id(), "01563e3ab5d3d6764c61efb99302bd5b");
        assert_eq!(
            root,
            TraceContext::of_execution("01arz3ndektsv4rrffq69g5fav")
        );
        assert!(root.to_string().ends_with("-01"), "sampled");
    }

    #[test]
    fn other_ids_are_hashed() {
        let a = TraceContext::of_execution("a");
        assert_eq!(a.trace_id(), "d228cb696f1a8caf78912b704e4a8964");
        assert_ne!(a, TraceContext::of_execution("b"));
        // Too large for 128 bits, so not a ULID; and one that is zero.
        for id in [
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "00000000000000000000000000",
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        ] {
            assert!(
                TraceContext::parse(&TraceContext::of_execution(id).to_string()).is_some(),
                "{id}"
            );
        }
    }

    #[test]
    fn parts_are_stable_and_distinct() {
        let root = TraceContext::of_execution("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let stage = root.within("stage/1");
        assert_eq!(stage, root.within("stage/1"));
        assert_ne!(stage, root.within("stage/2"));
        assert_ne!(
            stage.within("task/1"),
            root.within("stage/2").within("task/1")
        );
        assert_eq!(stage.trace_id(), root.trace_id());
    }

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceContext::parse(good).unwrap().to_string(), good);
        let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        assert_eq!(
            TraceContext::parse(unsampled).unwrap().to_string(),
            unsampled
        );
        assert!(TraceContext::parse(&format!("cc{}-what-the-future", &good[2..])).is_some());
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
