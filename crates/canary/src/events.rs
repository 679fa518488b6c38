//! Server-sent events, in a text that has come whole.

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; empty when it has none.
    pub(crate) name: String,
    /// Its lines of data, joined.
    pub(crate) data: String,
}

/// All events of a text; the last counts without an empty line after it, too.
pub(crate) fn read(text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut event = Event::default();
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            if event != Event::default() {
                events.push(std::mem::take(&mut event));
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart() {
        let event = |name: &str, data: &str| Event {
            name: name.to_owned(),
            data: data.to_owned(),
        };
        let text = ": comment\nevent: a\nid: 1\ndata: {\ndata:  x\n\n\n\ndata:y\r\n\r\nevent: last";
        assert_eq!(
            read(text),
            [event("a", "{\n x"), event("", "y"), event("last", "")]
        );
        assert!(read("").is_empty());
    }
}
