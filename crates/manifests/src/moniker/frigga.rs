//! Names of groups as Frigga reads them: `<app>[-<stack>[-<detail>]][-v<NNN>]`.

/// The parts of a group's name; all are absent when it cannot be read.
///
/// Source: `com.netflix.frigga.Names`, clouddriver `KubernetesResourceAwareNames`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Before the first hyphen
    pub app: Option<String>,
    /// Everything but the sequence
    pub cluster: Option<String>,
    /// Between the first and the second hyphen
    pub stack: Option<String>,
    /// After the second hyphen
    pub detail: Option<String>,
    /// The number after `-v`, of three to six digits
    pub sequence: Option<i64>,
}

impl Names {
    /// Reads a name; `system:` and what follows belongs to the application `system`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let (group, sequence) = split_sequence(name);
        if name.starts_with("system:") {
            return Self {
                app: Some("system".to_owned()),
                cluster: Some(group.to_owned()),
                sequence,
                ..Self::default()
            };
        }
        let mut parts = group.splitn(3, '-');
        let app = parts.next().unwrap_or_default();
        let (stack, detail) = (parts.next(), parts.next());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let free = |c: char| plain(c) || matches!(c, '-' | '~' | '^');
        let readable = !app.is_empty()
            && app.chars().all(plain)
            && stack.is_none_or(|stack| stack.chars().all(plain))
            && detail.is_none_or(|detail| detail.chars().all(free));
        if !readable {
            return Self::default();
        }
        let present = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(str::to_owned);
        Self {
            app: Some(app.to_owned()),
            cluster: Some(group.to_owned()),
            stack: present(stack),
            detail: present(detail),
            sequence,
        }
    }
}

/// A name without its `-vNNN`, and the number.
fn split_sequence(name: &str) -> (&str, Option<i64>) {
    let Some((group, digits)) = name.rsplit_once("-v") else {
        return (name, None);
    };
    let sequence =
        (3..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(number) if sequence => (group, Some(number)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_have_the_parts_that_frigga_finds() {
        let of = |name: &str| {
            let names = Names::parse(name);
            let part = |part: Option<String>| part.unwrap_or_else(|| "∅".to_owned());
            let sequence = names.sequence.map(|number| number.to_string());
            [
                names.app,
                names.stack,
                names.detail,
                names.cluster,
                sequence,
            ]
            .map(part)
            .join(" ")
        };
        let rows = [
            ("web-prod-v003", "web prod ∅ web-prod 3"),
            ("web--blue-v001", "web ∅ blue web--blue 1"),
            ("web-v12", "web v12 ∅ web-v12 ∅"),
            (
                "web-prod-a-b-v1234567",
                "web prod a-b-v1234567 web-prod-a-b-v1234567 ∅",
            ),
            ("web-prod-a-b-v123456", "web prod a-b web-prod-a-b 123456"),
            ("web.x_y", "web.x_y ∅ ∅ web.x_y ∅"),
            ("web:x", "∅ ∅ ∅ ∅ ∅"),
            ("-v003", "∅ ∅ ∅ ∅ ∅"),
            ("", "∅ ∅ ∅ ∅ ∅"),
            (
                "system:controller:a-v001",
                "system ∅ ∅ system:controller:a 1",
            ),
        ];
        for (name, expected) in rows {
            assert_eq!(of(name), expected, "{name}");
        }
    }
}
