//! Artifacts beyond the tasks: templates of the store, and what the API asks about accounts and their content.

mod reads;
mod templates;

pub use reads::answer;
pub use templates::StoredTemplates;
