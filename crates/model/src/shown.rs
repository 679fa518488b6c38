//! What everybody may see of things that hold secrets.

/// Most characters that are shown of what is no address.
const CHARS_MAX: usize = 200;

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
}
