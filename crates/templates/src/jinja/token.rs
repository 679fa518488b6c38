//! Words of an expression. Source: Jinjava `ExtendedScanner` over JUEL's `Scanner`.

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i64),
    Float(f64),
    /// An operator or bracket.
    Sign(&'static str),
}

/// Longer ones first.
#[rustfmt::skip]
const SIGNS: &[&str] = &[
    "//", "**", "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ",", ".", ":", "?", "|", "~", "+", "-",
    "*", "/", "%", "<", ">", "=", "!",
];

/// The words of an expression, with the place of each in bytes.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, usize)>, (String, usize)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let rest = &source[at..];
        let (token, length) = if first.is_alphabetic() || matches!(first, '_' | '$') {
            let end = rest
                .find(|it: char| !(it.is_alphanumeric() || matches!(it, '_' | '$')))
                .unwrap_or(rest.len());
            (Token::Name(rest[..end].to_owned()), end)
        } else if first.is_ascii_digit() {
            number(rest).ok_or_else(|| ("a number is too large".to_owned(), at))?
        } else if matches!(first, '\'' | '"') {
            text(rest, first).ok_or_else(|| ("a text is not closed".to_owned(), at))?
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| (format!("unexpected character '{first}'"), at))?;
            (Token::Sign(sign), sign.len())
        };
        tokens.push((token, at));
        at += length;
    }
    Ok(tokens)
}

fn number(rest: &str) -> Option<(Token, usize)> {
    let digits = |from: usize| {
        let tail = rest.as_bytes()[from..].iter();
        tail.take_while(|it| it.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut end = whole;
    if rest[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let signed = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let count = digits(end + 1 + signed);
        if count > 0 {
            end += 1 + signed + count;
        }
    }
    let token = if end == whole {
        Token::Int(rest[..end].parse().ok()?)
    } else {
        Token::Float(rest[..end].parse().ok().filter(|it: &f64| it.is_finite())?)
    };
    Some((token, end))
}

/// A quoted text; a backslash takes the next character, and some stand for another one.
fn text(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((Token::Text(out), at + 1));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()?.1 {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            other => out.push(other),
        }
    }
    None
}
