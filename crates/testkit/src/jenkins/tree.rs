//! Documents in XML, and what `tree` and `exclude` leave of them.

/// An element. `property` is its name in `tree`: that of a list is the plural of its elements'.
#[derive(Clone, Debug)]
pub(super) struct Element {
    property: &'static str,
    tag: String,
    text: Option<String>,
    children: Vec<Element>,
}

/// What `tree` asks for.
#[derive(Debug)]
struct Wanted {
    name: String,
    below: Vec<Wanted>,
    range: Option<(usize, usize)>,
}

impl Element {
    /// An element with others in it.
    pub(super) fn of(tag: &str, children: Vec<Element>) -> Self {
        Self {
            property: "",
            tag: tag.to_owned(),
            text: None,
            children,
        }
    }

    /// A value.
    pub(super) fn value(name: &'static str, value: impl ToString) -> Self {
        Self {
            property: name,
            tag: name.to_owned(),
            text: Some(value.to_string()),
            children: Vec::new(),
        }
    }

    /// An object.
    pub(super) fn object(name: &'static str, children: Vec<Element>) -> Self {
        Self {
            property: name,
            ..Self::of(name, children)
        }
    }

    /// An element of a list.
    pub(super) fn item(list: &'static str, tag: &str, children: Vec<Element>) -> Self {
        Self {
            property: list,
            ..Self::of(tag, children)
        }
    }

    /// A value that is an element of a list.
    pub(super) fn item_value(list: &'static str, tag: &str, value: impl ToString) -> Self {
        Self {
            text: Some(value.to_string()),
            ..Self::item(list, tag, Vec::new())
        }
    }

    /// What the parameters of a request leave of it, as a text; the error is a sentence.
    pub(super) fn shown(mut self, pairs: &[(String, String)]) -> Result<String, String> {
        for (name, value) in pairs {
            match name.as_str() {
                "tree" => {
                    let wanted = parse(value)?;
                    self.keep(&wanted);
                }
                "exclude" | "depth" => {}
                other => return Err(format!("the parameter {other} is not known")),
            }
        }
        for (_, value) in pairs.iter().filter(|(name, _)| name == "exclude") {
            self.exclude(value)?;
        }
        let mut text = String::new();
        self.write(&mut text);
        Ok(text)
    }

    fn keep(&mut self, wanted: &[Wanted]) {
        let mut counts = vec![0; wanted.len()];
        self.children.retain_mut(|child| {
            let place = wanted.iter().position(|it| it.name == child.property);
            let Some(place) = place else { return false };
            let (number, wanted) = (counts[place], &wanted[place]);
            counts[place] += 1;
            if wanted
                .range
                .is_some_and(|(from, to)| number < from || number >= to)
            {
                return false;
            }
            child.keep(&wanted.below);
            true
        });
    }

    /// Takes out what a path of names and `*` leads to, whose last part may end in `[not(a|b)]`: without such a child.
    fn exclude(&mut self, path: &str) -> Result<(), String> {
        let odd = || format!("exclude={path} is more than this double understands");
        let (path_only, without) = match path.split_once('[') {
            None => (path, Vec::new()),
            Some((before, predicate)) => {
                let names = predicate
                    .strip_prefix("not(")
                    .and_then(|rest| rest.strip_suffix(")]"));
                let names = names.ok_or_else(odd)?;
                (before, names.split('|').map(str::to_owned).collect())
            }
        };
        let parts: Vec<&str> = path_only
            .strip_prefix('/')
            .ok_or_else(odd)?
            .split('/')
            .collect();
        let (first, rest) = parts.split_first().ok_or_else(odd)?;
        if rest.is_empty() || (*first != "*" && *first != self.tag) {
            return Err(odd());
        }
        self.take_out(rest, &without);
        Ok(())
    }

    fn take_out(&mut self, path: &[&str], without: &[String]) {
        let Some((name, rest)) = path.split_first() else {
            return;
        };
        let fits = |child: &Self| *name == "*" || child.tag == *name;
        if rest.is_empty() {
            self.children.retain(|child| {
                let has = child.children.iter().any(|it| without.contains(&it.tag));
                !fits(child) || has
            });
            return;
        }
        for child in self.children.iter_mut().filter(|child| fits(child)) {
            child.take_out(rest, without);
        }
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.tag);
        if self.text.is_none() && self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for letter in self.text.iter().flat_map(|text| text.chars()) {
            match letter {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                other => out.push(other),
            }
        }
        for child in &self.children {
            child.write(out);
        }
        out.push_str("</");
        out.push_str(&self.tag);
        out.push('>');
    }
}

/// `a,b[c,d]{0,3}`.
fn parse(tree: &str) -> Result<Vec<Wanted>, String> {
    let mut rest = tree;
    let wanted = list(&mut rest)?;
    if rest.is_empty() {
        Ok(wanted)
    } else {
        Err(format!("tree={tree} goes on with {rest:?}"))
    }
}

fn list(rest: &mut &str) -> Result<Vec<Wanted>, String> {
    let mut wanted: Vec<Wanted> = Vec::new();
    loop {
        let end = rest.find([',', '[', ']', '{']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() || !name.chars().all(char::is_alphanumeric) {
            return Err(format!("tree has {name:?} where a name belongs"));
        }
        let mut one = Wanted {
            name: name.to_owned(),
            below: Vec::new(),
            range: None,
        };
        *rest = after;
        if let Some(after) = rest.strip_prefix('[') {
            *rest = after;
            one.below = list(rest)?;
            *rest = rest.strip_prefix(']').ok_or("tree lacks a ]")?;
        }
        if let Some(after) = rest.strip_prefix('{') {
            let (range, after) = after.split_once('}').ok_or("tree lacks a }")?;
            let (from, to) = range
                .split_once(',')
                .ok_or("tree has a range without a comma")?;
            let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
            one.range = Some((number(from)?, number(to)?));
            *rest = after;
        }
        // The same name twice counts once.
        if !wanted.iter().any(|known| known.name == one.name) {
            wanted.push(one);
        }
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: &[(&str, &str)]) -> Result<String, String> {
        let build = |number: u32| {
            let test = Element::item("actions", "action", vec![Element::value("totalCount", 3)]);
            let other = Element::item("actions", "action", vec![Element::value("x", 1)]);
            Element::item(
                "builds",
                "build",
                vec![Element::value("number", number), test, other],
            )
        };
        let job = Element::of(
            "job",
            vec![Element::value("name", "a<b"), build(2), build(1)],
        );
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        job.shown(&pairs)
    }

    #[test]
    fn trees_and_exclusions_leave_what_jenkins_leaves() {
        assert_eq!(
            shown(&[("tree", "name")]).unwrap(),
            "<job><name>a&lt;b</name></job>"
        );
        assert_eq!(
            shown(&[("tree", "builds[number]{0,1}")]).unwrap(),
            "<job><build><number>2</number></build></job>"
        );
        assert_eq!(
            shown(&[
                ("exclude", "/*/build/action[not(totalCount)]"),
                ("tree", "builds[actions[totalCount,x]]{0,1}")
            ])
            .unwrap(),
            "<job><build><action><totalCount>3</totalCount></action></build></job>"
        );
        assert_eq!(
            shown(&[("exclude", "/*/build")]).unwrap(),
            "<job><name>a&lt;b</name></job>"
        );
        for bad in [
            ("tree", "a[b"),
            ("tree", "a b"),
            ("exclude", "//action"),
            ("pretty", "true"),
        ] {
            shown(&[bad]).unwrap_err();
        }
    }
}
