//! HTML out of Markdown, as mail programs and chats show it.
//!
//! Echo hands HTML in Markdown through; here only simple tags stay tags (see [`html::safe`]): who writes a message is not always
//! who answers for what is sent to its readers.

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd};

use super::html;

/// Longest Markdown that is rendered, in bytes; a longer one is shown as it is.
const BYTES_MAX: usize = 256 * 1024;

/// The Markdown as HTML. Source: echo `NotificationTemplateEngine.MarkdownToHtmlFormatter`.
#[must_use]
pub fn to_html(markdown: &str) -> String {
    if markdown.len() > BYTES_MAX {
        return format!("<pre>{}</pre>\n", html::escaped(markdown));
    }
    let events = Parser::new(markdown).filter_map(|event| match event {
        Event::Html(text) => Some(Event::Html(html::safe(&text).into())),
        Event::InlineHtml(text) => Some(Event::InlineHtml(html::safe(&text).into())),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = match html::is_link(&dest_url)
                || dest_url.contains('@') && !dest_url.contains(':')
            {
                true => dest_url,
                false => CowStr::Borrowed("#"),
            };
            Some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        // Whoever opens the message would load it.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        other => Some(other),
    });
    let mut rendered = String::with_capacity(markdown.len() * 2);
    pulldown_cmark::html::push_html(&mut rendered, events);
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html_that_can_do_no_harm() {
        for (markdown, expected) in [
            (
                "**now** *here*",
                "<p><strong>now</strong> <em>here</em></p>\n",
            ),
            (
                "# Go\n\n- a\n- `b<c`",
                "<h1>Go</h1>\n<ul>\n<li>a</li>\n<li><code>b&lt;c</code></li>\n</ul>\n",
            ),
            (
                "[log](https://x.io/?a=1&b=2)",
                "<p><a href=\"https://x.io/?a=1&amp;b=2\">log</a></p>\n",
            ),
            ("[x](javascript:alert(1))", "<p><a href=\"#\">x</a></p>\n"),
            (
                "a <b>c</b> <script>d</script>",
                "<p>a <b>c</b> &lt;script&gt;d&lt;/script&gt;</p>\n",
            ),
            ("<div onload=x>\n\nz", "<div>\n<p>z</p>\n"),
            ("![alt](https://x.io/a.png)", "<p>alt</p>\n"),
            ("5 > 3 & 1", "<p>5 &gt; 3 &amp; 1</p>\n"),
            ("", ""),
        ] {
            assert_eq!(to_html(markdown), expected, "{markdown}");
        }
        let nested = "> ".repeat(100_000);
        assert!(!to_html(&nested).is_empty());
        assert!(to_html(&"<".repeat(BYTES_MAX + 1)).starts_with("<pre>&lt;"));
    }
}
