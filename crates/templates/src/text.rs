//! Single texts in the language of templates, outside of any pipeline: what finds artifacts in messages.

use std::rc::Rc;

use gennaker_expressions::Limits;
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    problem::Halt,
    render::{Context, Renderer},
};

/// A text with everything in it replaced: names are keys of `variables`. There are no modules.
///
/// # Errors
/// Why it cannot be rendered: a sentence for people.
pub fn rendered(template: &str, variables: &Map, limits: &Limits) -> Result<String, String> {
    let answers = |_: &crate::Need| None;
    let renderer = Renderer::new(&answers, limits);
    let mut context = Context::new(&Value::Null, &Rc::new(Value::Null));
    context.variables = variables.clone();
    renderer
        .text(template, &context)
        .map_err(|halt| match halt {
            Halt::Render(problems) | Halt::Wrong(problems) => problems
                .iter()
                .map(|problem| match &problem.cause {
                    Some(cause) => format!("{}: {cause}", problem.message),
                    None => problem.message.clone(),
                })
                .collect::<Vec<_>>()
                .join("; "),
            Halt::Needs(_) => "it asks for a document".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_keys_of_the_message() {
        let message = json!({"files": [{"name": "a"}, {"name": "b"}], "bucket": {"name": "x"}});
        let message = message.as_object().unwrap();
        let text = "[{% for file in files %}\"{{ bucket.name }}/{{ file.name }}\"{% if not loop.last %}, {% endif %}{% endfor %}]";
        let limits = Limits::default();
        assert_eq!(
            rendered(text, message, &limits).unwrap(),
            r#"["x/a", "x/b"]"#
        );
        let missing = rendered("{{ nothing }}", message, &limits).unwrap_err();
        assert!(missing.contains("nothing"), "{missing}");
        assert!(rendered("{% if %}", message, &limits).is_err());
    }
}
