//! Where in a JSON text a JSON pointer points. Pure; the text has been read as JSON before.

/// Line and column, both from 1, of the value that the pointer names, or of the deepest part of it that exists.
pub(crate) fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut found = scanner.value_start();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        match scanner.enter(&segment) {
            Some(start) => found = start,
            None => break,
        }
    }
    let before = &text.as_bytes()[..found.min(text.len())];
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    (line, column)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Skips blanks; where the value begins.
    fn value_start(&mut self) -> usize {
        while self.peek().is_some_and(|byte| {
            byte.is_ascii_whitespace() || byte == 0xef || byte == 0xbb || byte == 0xbf
        }) {
            self.at += 1;
        }
        self.at
    }

    /// Stands before the value named by the segment, inside the container that begins here.
    fn enter(&mut self, segment: &str) -> Option<usize> {
        self.value_start();
        let close = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            _ => return None,
        };
        self.at += 1;
        let mut index = 0usize;
        loop {
            self.value_start();
            if self.peek()? == close {
                return None;
            }
            let is_wanted = if close == b'}' {
                let start = self.at;
                self.skip_string();
                let key: Option<String> =
                    serde_json::from_slice(self.bytes.get(start..self.at)?).ok();
                self.value_start();
                self.at += 1;
                key.as_deref() == Some(segment)
            } else {
                segment.parse() == Ok(index)
            };
            let start = self.value_start();
            if is_wanted {
                return Some(start);
            }
            self.skip_value();
            self.value_start();
            if self.peek()? == b',' {
                self.at += 1;
            }
            index += 1;
        }
    }

    fn skip_value(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.skip_string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b',' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"name\": \"a]}\\\"\",\n  \"ü\": {\"x/y\": [1, {\"b\": 2}]},\n  \"stages\": [\n    {\"type\": \"wait\"},\n    {\"refId\": 3, \"type\": \"x\"}\n  ]\n}";

    #[test]
    fn pointers_are_found_in_the_text() {
        let cases = [
            ("", (1, 1)),
            ("/name", (2, 11)),
            ("/ü/x~1y/1/b", (3, 26)),
            ("/stages/0", (5, 5)),
            ("/stages/1/type", (6, 26)),
            ("/stages/1/missing", (6, 5)),
            ("/stages/7/type", (4, 13)),
            ("/name/deeper", (2, 11)),
        ];
        for (pointer, expected) in cases {
            assert_eq!(locate(TEXT, pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn broken_text_ends_the_search_and_nothing_else() {
        for end in 0..TEXT.len() {
            if let Some(cut) = TEXT.get(..end) {
                locate(cut, "/stages/1/type");
            }
        }
    }
}
