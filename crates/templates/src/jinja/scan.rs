//! A text cut into what is printed, what is evaluated and what is done.
//!
//! Source: Jinjava `TokenScanner`, `TagToken`, with its default settings: lines that hold only a tag keep their line break.

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// Printed as it is.
    Text(&'t str),
    /// `{{ … }}`.
    Output { source: &'t str, line: usize },
    /// `{% name helpers %}`.
    Tag {
        name: &'t str,
        helpers: &'t str,
        image: &'t str,
        line: usize,
    },
}

/// What a raw block ends with.
const END_RAW: &str = "endraw";

/// Cuts a text. What is opened and not closed is printed.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut scan = Scan {
        text,
        at: 0,
        line: 1,
        parts: Vec::new(),
        trims_next: false,
    };
    scan.run();
    scan.parts
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    parts: Vec<Part<'t>>,
    /// The part before ended with `-`: blanks that follow go.
    trims_next: bool,
}

impl<'t> Scan<'t> {
    fn run(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let Some((offset, kind)) = next_open(rest) else {
                return self.print(rest.len());
            };
            let Some(length) = closed(&rest[offset..], kind) else {
                return self.print(rest.len());
            };
            self.print(offset);
            self.block(kind, length);
        }
    }

    /// Prints the next bytes.
    fn print(&mut self, length: usize) {
        let text = &self.text[self.at..self.at + length];
        self.pass(length);
        let shown = if std::mem::take(&mut self.trims_next) {
            text.trim_start()
        } else {
            text
        };
        if !shown.is_empty() {
            self.parts.push(Part::Text(shown));
        }
    }

    fn pass(&mut self, length: usize) {
        let passed = &self.text[self.at..self.at + length];
        self.line += passed.bytes().filter(|it| *it == b'\n').count();
        self.at += length;
    }

    fn block(&mut self, kind: char, length: usize) {
        let image = &self.text[self.at..self.at + length];
        let line = self.line;
        let mut inner = &image[2..length - 2];
        if let Some(trimmed) = inner.strip_prefix('-') {
            inner = trimmed;
            self.trim_before();
        }
        if let Some(trimmed) = inner.strip_suffix('-') {
            inner = trimmed;
            self.trims_next = true;
        } else {
            self.trims_next = false;
        }
        self.pass(length);
        match kind {
            '{' => self.parts.push(Part::Output {
                source: inner,
                line,
            }),
            '%' => {
                let inner = inner.trim();
                let end = inner
                    .find(|it: char| !(it.is_alphanumeric() || it == '_'))
                    .unwrap_or(inner.len());
                let (name, helpers) = inner.split_at(end);
                if name == "raw" {
                    return self.raw();
                }
                self.parts.push(Part::Tag {
                    name,
                    helpers: helpers.trim(),
                    image,
                    line,
                });
            }
            _ => {}
        }
    }

    /// Everything up to the end of the raw block is printed.
    fn raw(&mut self) {
        let rest = &self.text[self.at..];
        let mut from = 0;
        while let Some(offset) = rest[from..].find("{%") {
            let begin = from + offset;
            if let Some(length) = closed(&rest[begin..], '%') {
                let inner =
                    rest[begin + 2..begin + length - 2].trim_matches(['-', ' ', '\n', '\t']);
                if inner == END_RAW {
                    self.print(begin);
                    self.pass(length);
                    return;
                }
            }
            from = begin + 2;
        }
        self.print(rest.len());
    }

    fn trim_before(&mut self) {
        if let Some(Part::Text(text)) = self.parts.last_mut() {
            *text = text.trim_end();
        }
    }
}

/// Where the next `{{`, `{%` or `{#` is.
fn next_open(text: &str) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(offset) = text[from..].find('{') {
        let at = from + offset;
        match bytes.get(at + 1) {
            Some(b'{') => return Some((at, '{')),
            Some(b'%') => return Some((at, '%')),
            Some(b'#') => return Some((at, '#')),
            _ => from = at + 1,
        }
    }
    None
}

/// The length of the block that begins here, with its end. Quoted texts may hold what ends a block; comments may not.
fn closed(text: &str, kind: char) -> Option<usize> {
    let close: &[u8] = match kind {
        '{' => b"}}",
        '%' => b"%}",
        _ => b"#}",
    };
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        let byte = bytes[at];
        if kind != '#' {
            match quote {
                _ if byte == b'\\' => {
                    at += 2;
                    continue;
                }
                Some(open) => {
                    if byte == open {
                        quote = None;
                    }
                    at += 1;
                    continue;
                }
                None if byte == b'\'' || byte == b'"' => {
                    quote = Some(byte);
                    at += 1;
                    continue;
                }
                None => {}
            }
        }
        if bytes[at..].starts_with(close) {
            return Some(at + 2);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_its_parts() {
        let tag = |name, helpers, image, line| Part::Tag {
            name,
            helpers,
            image,
            line,
        };
        assert_eq!(
            parts("a{{ b }}\n{% if c == '%}' %}d{#e}}#}{% endif %}"),
            [
                Part::Text("a"),
                Part::Output {
                    source: " b ",
                    line: 1
                },
                Part::Text("\n"),
                tag("if", "c == '%}'", "{% if c == '%}' %}", 2),
                Part::Text("d"),
                tag("endif", "", "{% endif %}", 2),
            ]
        );
        assert_eq!(
            parts("a \n{{- b -}} \n c"),
            [
                Part::Text("a"),
                Part::Output {
                    source: " b ",
                    line: 2
                },
                Part::Text("c")
            ]
        );
        for open in ["{{ a", "{% if", "{# c", "{{ 'a }}", "{", "}}"] {
            assert_eq!(parts(open), [Part::Text(open)]);
        }
        assert_eq!(
            parts("{% raw %}{{ a }}{% if %}{% endraw %}b"),
            [Part::Text("{{ a }}{% if %}"), Part::Text("b")]
        );
        assert_eq!(parts("${ {{a}} }").len(), 3);
    }
}
