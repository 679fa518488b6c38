//! HTML that can do no harm, and plain text out of HTML.

/// Tags that may stand in a message, without attributes.
const TAGS: [&str; 32] = [
    "b",
    "i",
    "u",
    "s",
    "em",
    "strong",
    "del",
    "ins",
    "sub",
    "sup",
    "small",
    "code",
    "pre",
    "br",
    "hr",
    "p",
    "div",
    "span",
    "ul",
    "ol",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "table",
    "tr",
    "td",
    "th",
];

/// Schemes that a link may have.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// The text as HTML shows it.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => all.push_str("&amp;"),
            '<' => all.push_str("&lt;"),
            '>' => all.push_str("&gt;"),
            '"' => all.push_str("&quot;"),
            '\'' => all.push_str("&#39;"),
            other => all.push(other),
        }
    }
    all
}

/// A link that shows `text`.
#[must_use]
pub fn link(address: &str, text: &str) -> String {
    format!(r#"<a href="{}">{}</a>"#, escaped(address), escaped(text))
}

/// Whether an address may stand in a link.
#[must_use]
pub fn is_link(address: &str) -> bool {
    let address = address.trim_start().to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| address.starts_with(scheme))
}

/// The HTML with no other tags than simple ones, without attributes but for the address of a link; other tags show as text.
#[must_use]
pub fn safe(html: &str) -> String {
    let mut all = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        all.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.find('>') {
            Some(end) => {
                let tag = &rest[..=end];
                match simple(tag) {
                    Some(simple) => all.push_str(&simple),
                    None => all.push_str(&escaped(tag)),
                }
                rest = &rest[end + 1..];
            }
            None => {
                all.push_str("&lt;");
                rest = &rest[1..];
            }
        }
    }
    all.push_str(rest);
    all
}

/// What remains of a tag; nothing when it must not stand.
fn simple(tag: &str) -> Option<String> {
    let inner = tag.strip_prefix('<')?.strip_suffix('>')?.trim();
    let (slash, inner) = match inner.strip_prefix('/') {
        Some(inner) => ("/", inner),
        None => ("", inner),
    };
    let end = inner
        .find(|one: char| !one.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let name = inner[..end].to_ascii_lowercase();
    if name == "a" {
        return match slash {
            "/" => Some("</a>".to_owned()),
            _ => {
                let address = attribute(inner, "href")?;
                let address = unescaped(address);
                is_link(&address).then(|| format!(r#"<a href="{}">"#, escaped(address.trim())))
            }
        };
    }
    TAGS.contains(&name.as_str())
        .then(|| format!("<{slash}{name}>"))
}

/// The value of an attribute in quotes.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let quote = tag[at..]
        .chars()
        .next()
        .filter(|one| "\"'".contains(*one))?;
    tag[at + 1..].split(quote).next()
}

/// HTML as plain text: paragraphs, list items and line breaks on lines of their own, links with their address behind them.
///
/// Source: echo `HtmlToPlainText`.
#[must_use]
pub fn plain(html: &str) -> String {
    let mut all = String::with_capacity(html.len());
    let mut rest = html;
    let mut address = None;
    while let Some(at) = rest.find('<') {
        text(&mut all, &rest[..at]);
        rest = &rest[at..];
        let is_tag =
            rest[1..].starts_with(|one: char| one.is_ascii_alphabetic() || "/!".contains(one));
        let Some(end) = rest.find('>').filter(|_| is_tag) else {
            all.push('<');
            rest = &rest[1..];
            continue;
        };
        let inner = rest[1..end].trim();
        let name = inner.trim_start_matches('/');
        let name_end = name
            .find(|one: char| !one.is_ascii_alphanumeric())
            .unwrap_or(name.len());
        let name = name[..name_end].to_ascii_lowercase();
        match (name.as_str(), inner.starts_with('/')) {
            ("li", false) => all.push_str("\n * "),
            ("p" | "h1" | "h2" | "h3" | "h4" | "h5" | "tr", false) => all.push('\n'),
            ("br", _) | ("p" | "h1" | "h2" | "h3" | "h4" | "h5", true) => all.push('\n'),
            ("a", false) => address = attribute(inner, "href").map(unescaped),
            ("a", true) => {
                if let Some(address) = address.take().filter(|it| !all.ends_with(it.as_str())) {
                    all.push_str(&format!(" <{address}>"));
                }
            }
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    text(&mut all, rest);
    all.trim().to_owned()
}

/// Text between tags, whose white space counts for one space.
fn text(all: &mut String, between: &str) {
    let shown = unescaped(between);
    let words: Vec<&str> = shown.split_whitespace().collect();
    let begins_apart = shown.starts_with(char::is_whitespace);
    let is_apart = all.is_empty() || all.ends_with([' ', '\n']);
    if begins_apart && !is_apart {
        all.push(' ');
    }
    all.push_str(&words.join(" "));
    if !words.is_empty() && shown.ends_with(char::is_whitespace) {
        all.push(' ');
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_simple_tags_stay_tags() {
        for (html, expected) in [
            ("<b>x</b> a<br/>", "<b>x</b> a<br>"),
            (
                r#"<p onclick="x()">a</p><script>y</script>"#,
                "<p>a</p>&lt;script&gt;y&lt;/script&gt;",
            ),
            (
                r#"<A HREF='https://x.io/?a=1&amp;b=2' target=_top>z</a>"#,
                r#"<a href="https://x.io/?a=1&amp;b=2">z</a>"#,
            ),
            (
                r#"<a href="javascript:x">z</a>"#,
                "&lt;a href=&quot;javascript:x&quot;&gt;z</a>",
            ),
            (
                r#"<a href="&#106;avascript:x">z"#,
                "&lt;a href=&quot;&amp;#106;avascript:x&quot;&gt;z",
            ),
            ("1 < 2 <", "1 &lt; 2 &lt;"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
            ("<!-- c --><", "&lt;!-- c --&gt;&lt;"),
        ] {
            assert_eq!(safe(html), expected, "{html}");
        }
    }

    #[test]
    fn html_reads_as_text() {
        for (html, expected) in [
            ("<p>one <b>two</b></p>\n<p>three</p>", "one two\n\nthree"),
            ("<ul><li>a</li><li>b</li></ul>", "* a\n * b"),
            (
                r#"see <a href="https://x.io">this</a>."#,
                "see this <https://x.io>.",
            ),
            (r#"<a href="https://x.io">https://x.io</a>"#, "https://x.io"),
            ("a<br>b &amp;&lt;c&gt; 1 < 2", "a\nb &<c> 1 < 2"),
            ("plain\n text", "plain text"),
            ("<", "<"),
            ("", ""),
        ] {
            assert_eq!(plain(html), expected, "{html}");
        }
    }
}
