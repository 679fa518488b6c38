//! summaries
