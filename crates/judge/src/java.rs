//! JSON as Kayenta writes it: doubles as `Double.toString` prints them, those that are no numbers as strings.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::Number;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One line.
    Compact,
    /// Indented by one space, as the command line prints documents.
    Pretty,
}

/// The document as JSON text with Java's way to write doubles.
///
/// # Errors
/// The value has a map whose keys are no strings.
pub fn to_json(value: &impl Serialize, style: Style) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    match style {
        Style::Compact => {
            let java = Java(CompactFormatter);
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, java))?;
        }
        Style::Pretty => {
            let java = Java(PrettyFormatter::with_indent(b" "));
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, java))?;
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A double as `Double.toString` of Java prints it: `1.0`, `1.0E-5`, `NaN`, `-Infinity`.
#[must_use]
pub fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    if value.to_bits() << 1 == 2 {
        // The least double has two digits there, one would do.
        return if value > 0.0 { "4.9E-324" } else { "-4.9E-324" }.to_owned();
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => scientific,
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.serialize_str(&double(self.0))
        }
    }
}

/// Another formatter but for doubles.
struct Java<F>(F);

macro_rules! passed_on {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl<F: Formatter> Formatter for Java<F> {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(double(value).as_bytes())
    }

    passed_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (value, wanted) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (1e-5, "1.0E-5"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (-12_345_678.9, "-1.23456789E7"),
            (12.040_816_326_530_614, "12.040816326530614"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::from_bits(1), "4.9E-324"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), wanted);
        }
    }

    #[test]
    fn what_is_no_number_is_a_string() {
        let numbers = [Number(f64::NAN), Number(1e-5), Number(f64::INFINITY)];
        assert_eq!(
            to_json(&numbers, Style::Compact).unwrap(),
            r#"["NaN",1.0E-5,"Infinity"]"#
        );
        assert_eq!(
            to_json(&[Number(1.0)], Style::Pretty).unwrap(),
            "[\n 1.0\n]"
        );
    }
}
