//! Server-sent events, read from bytes as they come. Pure.

/// Most bytes of one event; a longer one is dropped, because the views need only "something changed".
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// `event:`; empty means `message`.
    pub(crate) name: String,
    /// `id:` of this event.
    pub(crate) id: Option<String>,
    /// `data:` lines, joined.
    pub(crate) data: String,
}

/// Turns bytes into events, as the WHATWG's algorithm says: lines end in LF, CR or CRLF, a blank line ends an event.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    event: Event,
    has_data: bool,
}

impl Parser {
    /// The events that are complete with these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let is_second_half = byte == b'\n' && std::mem::take(&mut self.after_cr);
            match byte {
                _ if is_second_half => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    events.extend(self.end_of_line());
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() <= EVENT_BYTES_MAX {
                        self.line.push(byte);
                    }
                }
            }
        }
        events
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let complete = std::mem::take(&mut self.has_data);
            return complete.then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => self.event.name = value.to_owned(),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                if self.event.data.len() + value.len() <= EVENT_BYTES_MAX {
                    self.event.data.push_str(value);
                }
                self.has_data = true;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, id: Option<&str>, data: &str) -> Event {
        Event {
            name: name.into(),
            id: id.map(str::to_owned),
            data: data.into(),
        }
    }

    #[test]
    fn any_cut_of_the_bytes_gives_the_same_events() {
        let text = ": hello\r\nevent: patch\r\nid: 7\r\ndata: {\"rev\":\r\ndata: 2}\r\n\r\nevent:hb\rdata\r\rid: 8\n\ndata: ü\n\n";
        let expected = [
            event("patch", Some("7"), "{\"rev\":\n2}"),
            event("hb", None, ""),
            event("", None, "ü"),
        ];
        for cut in 0..=text.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&text.as_bytes()[..cut]);
            events.extend(parser.push(&text.as_bytes()[cut..]));
            assert_eq!(events, expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_endless_line_takes_no_endless_memory() {
        let mut parser = Parser::default();
        for _ in 0..40 {
            assert_eq!(parser.push(&[b'x'; 65_536]), []);
        }
        assert!(parser.line.len() <= EVENT_BYTES_MAX + 1);
    }
}
