//! YAML 1.1 as values.
