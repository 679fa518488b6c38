//! Documentation of a stage's fields, for the linter, the editor's forms and the reference page.

/// One field of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Key in the stage JSON.
    pub name: &'static str,
    /// What values it takes.
    pub kind: FieldType,
    /// Whether the stage cannot succeed without it.
    pub required: bool,
    /// One sentence for people.
    pub help: &'static str,
}

/// What values a field takes. Text is accepted everywhere, because it may be an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// An object.
    Map,
    /// One of these words, ignoring case.
    Word(&'static [&'static str]),
    /// Anything.
    Any,
}

impl Field {
    /// A field that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, kind: FieldType, help: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            help,
        }
    }

    /// A field that must be there.
    #[must_use]
    pub const fn required(name: &'static str, kind: FieldType, help: &'static str) -> Self {
        Self {
            name,
            kind,
            required: true,
            help,
        }
    }
}
