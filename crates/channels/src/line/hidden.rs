//! What no text for people may hold: the secrets of a request, which servers repeat in their answers.

use std::fmt;

use gennaker_outbound::Request;

use crate::notice::segment;

/// A shorter text is no secret, and is found in every answer.
const BYTES_MIN: usize = 6;

/// A shorter part of an address is a word of the API.
const PART_BYTES_MIN: usize = 12;

/// What stands in place of a secret.
const SHOWN: &str = "…";

/// Secrets of one request.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Hidden(Vec<String>);

impl Hidden {
    /// Those that are named, as they are and as an address writes them, and what the secret headers of a request hold.
    pub(crate) fn of(named: &[&str], request: &Request) -> Self {
        // `Bearer …`, `Token token=…`: the words before are told.
        let headers = request.secret_headers.iter();
        let headers = headers.flat_map(|(_, value)| value.split([' ', '=']));
        let headers = headers.filter(|part| !is_word(part)).map(str::to_owned);
        let named = named
            .iter()
            .flat_map(|secret| [(*secret).to_owned(), segment(secret)]);
        let mut all: Vec<String> = named
            .chain(headers)
            .filter(|secret| secret.len() >= BYTES_MIN)
            .collect();
        // The longest first: one may be a part of another.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        Self(all)
    }

    /// The text without them.
    pub(crate) fn quiet(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, SHOWN);
            }
        }
        text
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

/// Whether a part of a header says what kind of secret follows.
fn is_word(part: &str) -> bool {
    let words = ["bearer", "basic", "token"];
    words.iter().any(|word| part.eq_ignore_ascii_case(word))
}

/// What is secret in an address that is a password itself, such as that of a room's webhook: its path and its query, whole and in
/// parts.
pub(crate) fn of_address(address: &str) -> Vec<String> {
    let Some((_, rest)) = address.split_once("://") else {
        return Vec::new();
    };
    let place = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (path, query) = rest[place..]
        .split_once('?')
        .unwrap_or((&rest[place..], ""));
    let long = |part: &&str| part.len() >= PART_BYTES_MIN;
    let values = query.split('&').filter_map(|pair| pair.split_once('='));
    let values = values.map(|(_, value)| value);
    [&rest[place..], path, query]
        .into_iter()
        .chain(values)
        .chain(path.split('/').filter(long))
        .filter(|part| part.len() >= BYTES_MIN)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_in_secret_is_not_repeated() {
        let request = Request::get("http://x")
            .secret_header("Authorization", "Token token=abcdefgh")
            .secret_header("X", "Bearer bearerofnews");
        let hidden = Hidden::of(&["T0/B0/long secret", "a"], &request);
        for (said, shown) in [
            ("POST /T0/B0/long secret", "POST /…"),
            ("POST /T0%2FB0%2Flong%20secret", "POST /…"),
            ("Token token=abcdefgh", "Token token=…"),
            ("Bearer bearerofnews", "Bearer …"),
            ("a word", "a word"),
        ] {
            assert_eq!(hidden.quiet(said), shown);
        }
        assert!(!format!("{hidden:?}").contains("secret"));
    }

    #[test]
    fn an_address_is_secret_behind_its_host() {
        let address = "https://chat.example.com/v1/spaces/AAA/messages?key=KEYKEY&token=TOKENS";
        let all = of_address(address);
        let hidden = Hidden::of(
            &all.iter().map(String::as_str).collect::<Vec<_>>(),
            &Request::get("http://x"),
        );
        for said in [
            "Cannot POST /v1/spaces/AAA/messages",
            "key is KEYKEY",
            "token=TOKENS, or not",
        ] {
            let shown = hidden.quiet(said);
            assert!(shown.contains('…') && !shown.contains("AAA"), "{shown}");
        }
        assert!(of_address("#ops").is_empty());
    }
}
