//! What everybody may see of things that hold secrets.

/// Most characters that are shown of what is no address.
const CHARS_MAX: usize = 200;

/// Characters that are shown of a key.
const KEY_CHARS: usize = 4;

/// An address as everybody may see it. That of a chat room's webhook is its password, so only its host is shown; what is no address
/// (a channel, a number) is shown whole.
#[must_use]
pub fn shown_address(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.chars().take(CHARS_MAX).collect();
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/…")
}

/// A key as everybody may see it: its last characters, by which whoever has it knows it again.
#[must_use]
pub fn shown_key(key: &str) -> String {
    let hidden = key.chars().count().saturating_sub(KEY_CHARS);
    let last: String = key.chars().skip(hidden).collect();
    format!("…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_room_is_not_told() {
        assert_eq!(shown_address("#ops"), "#ops");
        assert_eq!(
            shown_address("https://u:p@chat.example.com/v1/spaces/x?key=secret"),
            "https://chat.example.com/…"
        );
    }

    #[test]
    fn of_a_key_the_end_is_told() {
        assert_eq!(shown_key("0123456789abcdef"), "…cdef");
        assert_eq!(shown_key("ab"), "…ab");
    }
}
