//! What can go wrong while parsing or evaluating, with the texts a Spinnaker user knows.
//!
//! An error has an outer message and, where the original engine wraps another exception, the message of the innermost
//! cause. The summary of an evaluation shows both; see `summary.rs`.

use std::fmt;

use crate::env::Lookup;

/// The class name that Spring's own evaluation errors carry in a summary.
pub(crate) const SPEL_EVALUATION: &str =
    "org.springframework.expression.spel.SpelEvaluationException";
pub(crate) const SPEL_PARSE: &str = "org.springframework.expression.spel.SpelParseException";
pub(crate) const TEMPLATE_PARSE: &str = "org.springframework.expression.ParseException";
pub(crate) const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
pub(crate) const ILLEGAL_STATE: &str = "java.lang.IllegalStateException";
pub(crate) const HELPER: &str =
    "com.netflix.spinnaker.kork.expressions.SpelHelperFunctionException";

/// One failed parse or evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    message: Option<String>,
    exception: &'static str,
    cause: Option<(&'static str, Option<String>)>,
    position: Option<usize>,
    needs: Option<Lookup>,
}

/// The result of everything that evaluates.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The text of the outermost exception; some Java exceptions have none.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Byte offset in the expression (without `${`) where the failing part begins, when it is known.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// Class name of the root cause, as `exceptionType` of a summary entry shows it.
    pub fn exception_type(&self) -> &'static str {
        self.0
            .cause
            .as_ref()
            .map_or(self.0.exception, |cause| cause.0)
    }

    /// The `ELnnnnE` code at the beginning of the message or of the root cause, if there is one.
    pub fn code(&self) -> Option<&str> {
        fn code_of(text: &str) -> Option<&str> {
            let at = text.find("EL")?;
            let code = text.get(at..at + 7)?;
            let digits = code.get(2..6)?;
            (digits.bytes().all(|b| b.is_ascii_digit()) && code.ends_with('E')).then_some(code)
        }
        self.0.message.as_deref().and_then(code_of)
    }

    /// Root cause and outer text joined as Spinnaker writes them into a summary
    /// (`ExpressionTransform.transform`, kork).
    pub fn description(&self) -> String {
        let outer = self.0.message.as_deref().unwrap_or("null");
        match &self.0.cause {
            None => outer.to_owned(),
            Some((_, None)) => outer.to_owned(),
            Some((_, Some(root))) if root.contains(outer) => outer.to_owned(),
            Some((_, Some(root))) => format!("{root} - {outer}"),
        }
    }

    /// The question that must be answered before this expression can be evaluated.
    pub(crate) fn needs(&self) -> Option<&Lookup> {
        self.0.needs.as_ref()
    }

    pub(crate) fn new(exception: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            message: Some(message.into()),
            exception,
            cause: None,
            position: None,
            needs: None,
        }))
    }

    /// A Java exception without a message, such as `UnsupportedOperationException`.
    pub(crate) fn silent(exception: &'static str) -> Self {
        Self(Box::new(Inner {
            message: None,
            exception,
            cause: None,
            position: None,
            needs: None,
        }))
    }

    /// An error of Spring's evaluator: `text` is the part after the code.
    pub(crate) fn el(code: u16, text: impl fmt::Display) -> Self {
        Self::new(SPEL_EVALUATION, format!("EL{code}E: {text}"))
    }

    /// An error of Spring's parser. `shown` holds the expression when Spring names it in the text.
    pub(crate) fn parse(
        code: u16,
        text: impl fmt::Display,
        shown: Option<&str>,
        position: usize,
    ) -> Self {
        let message = match shown {
            None => format!("EL{code}E: {text}"),
            Some(expression) => {
                format!(
                    "Expression [{expression}] @{}: EL{code}E: {text}",
                    utf16_at(expression, position)
                )
            }
        };
        Self::new(SPEL_PARSE, message).at(position)
    }

    /// An error of the `${…}` scanner, before any expression is parsed.
    pub(crate) fn template(text: impl fmt::Display, whole: &str, position: usize) -> Self {
        let shown = utf16_at(whole, position);
        Self::new(
            TEMPLATE_PARSE,
            format!("Expression [{whole}] @{shown}: {text}"),
        )
        .at(position)
    }

    pub(crate) fn lookup(lookup: Lookup) -> Self {
        Self(Box::new(Inner {
            message: Some("needs an answer from outside".into()),
            exception: ILLEGAL_STATE,
            cause: None,
            position: None,
            needs: Some(lookup),
        }))
    }

    /// A result beyond the limit.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(
            SPEL_EVALUATION,
            format!("the result is larger than {bytes_max} bytes"),
        )
    }

    /// Sets the position unless one is known already: the innermost wins.
    pub(crate) fn at(mut self, position: usize) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// Shifts the position when the expression begins somewhere inside a longer text.
    pub(crate) fn moved(mut self, by: usize) -> Self {
        self.0.position = self.0.position.map(|at| at + by);
        self
    }

    /// Makes `self` the cause of an outer exception; the root cause of `self` stays the root cause.
    pub(crate) fn wrapped(self, exception: &'static str, message: impl Into<String>) -> Self {
        if self.needs().is_some() {
            return self;
        }
        let inner = *self.0;
        let cause = inner.cause.unwrap_or((inner.exception, inner.message));
        Self(Box::new(Inner {
            message: Some(message.into()),
            exception,
            cause: Some(cause),
            position: inner.position,
            needs: None,
        }))
    }

    pub(crate) fn wrapped_el(self, code: u16, text: impl fmt::Display) -> Self {
        self.wrapped(SPEL_EVALUATION, format!("EL{code}E: {text}"))
    }

    pub(crate) fn unsupported() -> Self {
        Self::silent("java.lang.UnsupportedOperationException")
    }

    pub(crate) fn null_pointer(text: impl Into<String>) -> Self {
        Self::new("java.lang.NullPointerException", text)
    }

    pub(crate) fn illegal_argument(text: impl Into<String>) -> Self {
        Self::new(ILLEGAL_ARGUMENT, text)
    }

    pub(crate) fn number_format(text: &str) -> Self {
        Self::new(
            "java.lang.NumberFormatException",
            format!("For input string: \"{text}\""),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description())
    }
}

impl std::error::Error for Error {}

/// Java counts positions in UTF-16 units.
pub(crate) fn utf16_at(text: &str, byte: usize) -> usize {
    let end = byte.min(text.len());
    text.char_indices()
        .take_while(|(at, _)| *at < end)
        .map(|(_, c)| c.len_utf16())
        .sum()
}

/// A number as `java.text.MessageFormat` inserts it into a message: with grouping commas.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    if number < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
