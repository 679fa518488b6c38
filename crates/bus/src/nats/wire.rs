//! Between the client library's messages and ours.

use async_nats::HeaderMap;

use crate::backend::{Headers, Raw};

pub(super) fn headers(headers: Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name.as_str(), value.as_str());
    }
    map
}

pub(super) fn raw(message: async_nats::Message) -> Raw {
    let mut headers = Headers::new();
    if let Some(map) = &message.headers {
        for (name, values) in map.iter() {
            if let Some(value) = values.first() {
                headers.insert(name.to_string(), value.as_str().to_owned());
            }
        }
    }
    Raw {
        subject: message.subject.to_string(),
        reply: message.reply.map(|reply| reply.to_string()),
        headers,
        payload: message.payload,
        status: message.status.map(|status| status.as_u16()),
        description: message.description.unwrap_or_default(),
    }
}

/// Reads stored headers: a line `NATS/1.0`, then `Name: value` lines.
pub(super) fn parse_headers(text: &[u8]) -> Headers {
    String::from_utf8_lossy(text)
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_headers_are_read() {
        let headers = parse_headers(b"NATS/1.0\r\nGk-Append: abc-1\r\nNats-TTL:3s\r\n\r\n");
        assert_eq!(headers.get("Gk-Append").map(String::as_str), Some("abc-1"));
        assert_eq!(headers.get("Nats-TTL").map(String::as_str), Some("3s"));
        assert_eq!(headers.len(), 2);
        assert!(parse_headers(b"").is_empty());
    }
}
