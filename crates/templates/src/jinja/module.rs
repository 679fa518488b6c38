//! The tags of Orca: `module`, `pipelineid`, `strategyid`. Source: `ModuleTag`, `PipelineIdTag`, `StrategyIdTag`.

use serde_json::Value;

use super::{Fault, Interpreter, operators::as_text, tree};
use crate::{
    need::{Answer, Need},
    problem::{Halt, Problem},
};

impl Interpreter<'_> {
    /// What `{% module id a=b %}` prints.
    pub(super) fn module(&mut self, helpers: &str, image: &str) -> Result<String, Fault> {
        let words = collapsed(&words(helpers, false));
        let Some((id, parameters)) = words.split_first() else {
            let message = "Tag 'module' expects ID as first parameter: []";
            return Err(Fault::syntax(image, message, self.line));
        };
        let pairs = self.pairs("module", parameters, image)?;
        let Some(module) = self.renderer.module(id) else {
            let problem = Problem::new("failed rendering template expression")
                .because(format!("Module does not exist by ID: {id}"));
            return Err(self.caught(Halt::Render(vec![problem])));
        };
        let location = format!("module:{id}");
        let mut context = self.context.for_module(location.clone());
        self.renderer.add_variables(&mut context);
        let mut missing = Vec::new();
        for variable in &module.variables {
            let mut value = self.tried(&variable.name)?;
            if value.is_null()
                && let Some((_, written)) = pairs.iter().find(|(name, _)| *name == variable.name)
            {
                value = self.tried(written)?;
                if value.is_null() {
                    value = written.clone().into();
                }
            }
            if value.is_null() {
                value = variable.default.clone();
            }
            match value.is_null() {
                true => missing.push(format!("'{}'", variable.name)),
                false => {
                    context.variables.insert(variable.name.clone(), value);
                }
            }
        }
        if !missing.is_empty() {
            let problem = Problem::new("Missing required variables in module")
                .because(format!("{} must be defined", missing.join(", ")))
                .at(location)
                .with_detail("source", image);
            return Err(self.caught(Halt::Render(vec![problem])));
        }
        let rendered = self.renderer.in_module(&module.definition, &context);
        let rendered = rendered
            .map_err(|halt| {
                halt.within(|| {
                    Problem::new("Failed rendering module")
                        .at(location.clone())
                        .with_detail("source", image)
                })
            })
            .map_err(|halt| self.caught(halt))?;
        Ok(match rendered {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// What `{% pipelineid name='x' application='y' %}` prints.
    pub(super) fn id_of(
        &mut self,
        strategy: bool,
        helpers: &str,
        image: &str,
    ) -> Result<String, Fault> {
        let tag = if strategy { "strategyId" } else { "pipelineId" };
        let words = words(helpers, true);
        if words.is_empty() {
            let kind = if strategy { "strategy" } else { "pipeline" };
            let message = format!("Tag '{tag}' expects at least a {kind} name: []");
            return Err(Fault::syntax(image, &message, self.line));
        }
        let pairs = self.pairs(tag, &words, image)?;
        let value = |name: &str| {
            let written = pairs.iter().find(|(key, _)| key == name);
            let bare = written.map(|(_, value)| value.trim_matches(['"', '\'']).to_owned());
            // A name of a variable stands for its value.
            bare.map(|bare| match self.variable(&bare) {
                Some(value) if !value.is_null() => as_text(value),
                Some(_) | None => bare,
            })
        };
        let application = value("application")
            .or_else(|| self.variable("application").map(as_text))
            .unwrap_or_default();
        let Some(name) = value("name") else {
            let message = format!("Tag '{tag}' expects a name");
            return Err(Fault::syntax(image, &message, self.line));
        };
        let missing = match strategy {
            true => format!(
                "Failed to find strategyId ID with name '{name}' in application '{application}'"
            ),
            false => format!(
                "Failed to find pipeline ID with name '{name}' in application '{application}'"
            ),
        };
        let need = match strategy {
            true => Need::Strategy { application, name },
            false => Need::Pipeline { application, name },
        };
        let problem = match self.renderer.ask(need).map_err(Fault::Halt)? {
            Answer::Id(id) => return Ok(id),
            Answer::Failed(reason) => Problem::new(missing).because(reason),
            Answer::Missing | Answer::Template(_) | Answer::Text(_) => Problem::new(missing),
        };
        Err(self.caught(Halt::Render(vec![problem])))
    }

    /// What could not be rendered inside a tag, as the tag reports it.
    pub(super) fn caught(&self, halt: Halt) -> Fault {
        match halt {
            Halt::Render(nested) => Fault::Failed {
                message: "InterpretException: Error rendering tag".to_owned(),
                line: self.line,
                nested,
            },
            other => Fault::Halt(other),
        }
    }

    /// The value of an expression; null when it has none, or is none.
    fn tried(&mut self, source: &str) -> Result<Value, Fault> {
        match self.resolve(&tree::expression(source)) {
            Ok(value) => Ok(value),
            Err(Fault::Halt(halt)) => Err(Fault::Halt(halt)),
            Err(_) => Ok(Value::Null),
        }
    }

    fn pairs(
        &self,
        tag: &str,
        words: &[String],
        image: &str,
    ) -> Result<Vec<(String, String)>, Fault> {
        let pair = |word: &String| {
            let (name, value) = word.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let pairs: Option<Vec<_>> = words.iter().map(pair).collect();
        pairs.ok_or_else(|| {
            let message = format!(
                "Tag '{tag}' expects parameters to be in a 'key=value' format: [{}]",
                words.join(", ")
            );
            Fault::syntax(image, &message, self.line)
        })
    }
}

/// Words between blanks (and commas), quoted texts whole. Source: `HelperStringTokenizer`.
fn words(helpers: &str, commas: bool) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in helpers.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {}
        }
        let splits = quote.is_none() && (c.is_whitespace() || (commas && c == ','));
        match words.last_mut() {
            Some(last) if !splits => last.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Puts `a = b`, `a=b + c` and `a=f(b, c)` together again. Source: `ModuleTag.collapseWhitespaceInTokenPairs`.
fn collapsed(words: &[String]) -> Vec<String> {
    let mut pairs: Vec<String> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        // `a=…`, or `a` before `=`, unless that is what another one is given.
        let before_sign = words
            .get(place + 1)
            .is_some_and(|next| next.starts_with('=') && !next.starts_with("=="));
        let given = pairs.last().is_some_and(|last| last.ends_with('='));
        let begins = word.split_once('=').is_some_and(|(name, _)| is_name(name))
            || (is_name(word) && before_sign && !given);
        let alone = pairs.len() < 2;
        match pairs.last_mut() {
            Some(last) if (!alone || last.contains('=')) && !begins && !is_complete(last) => {
                last.push_str(word);
            }
            _ => pairs.push(word.clone()),
        }
    }
    pairs
        .into_iter()
        .map(|pair| pair.strip_suffix(',').unwrap_or(&pair).to_owned())
        .filter(|pair| !pair.is_empty())
        .collect()
}

/// Whether a pair ends with a comma that is not inside brackets.
fn is_complete(pair: &str) -> bool {
    let count = |wanted: [char; 2]| pair.matches(wanted).count();
    pair.ends_with(',') && count(['(', '[']) == count([')', ']'])
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_alphanumeric() || it == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_module_are_found_whatever_blanks_they_have() {
        for (helpers, found) in [
            ("m", vec!["m"]),
            ("m a=b c=d", vec!["m", "a=b", "c=d"]),
            ("m a=b, c=d,", vec!["m", "a=b", "c=d"]),
            ("m a = b c = d", vec!["m", "a=b", "c=d"]),
            (
                "m a=x['my' + 'Key'], b=y",
                vec!["m", "a=x['my'+'Key']", "b=y"],
            ),
            (
                "m a=x|default('h', true) b='c d'",
                vec!["m", "a=x|default('h',true)", "b='c d'"],
            ),
        ] {
            assert_eq!(collapsed(&words(helpers, false)), found, "{helpers}");
        }
    }
}
