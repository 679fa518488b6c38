//! Reading the specifiers of a format, with the checks of `java.util.Formatter.FormatSpecifier` (JDK 17) in their order.

use super::{WIDTH_MAX, error};
use crate::error::{Error, Result};

/// Flags in the order in which Java shows them; `^` is the upper case of the conversion.
const FLAGS: &str = "-^#+ 0,(<";

/// One `%…`.
pub(super) struct Spec {
    pub index: Index,
    pub flags: String,
    pub width: Option<usize>,
    pub precision: Option<usize>,
    pub date: bool,
    pub conversion: char,
}

pub(super) enum Index {
    Next,
    Last,
    At(usize),
}

/// A piece of a format.
pub(super) enum Piece {
    Text(String),
    Spec(Spec),
}

/// All pieces; an error in the last is found before the first is written.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece>> {
    let chars: Vec<char> = format.chars().collect();
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '%' {
            text.push(chars[at]);
            at += 1;
            continue;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let first = *chars.get(at + 1).ok_or_else(|| unknown("%"))?;
        let read = Raw::read(&chars[at + 1..]).ok_or_else(|| unknown(first))?;
        at += 1 + read.length;
        pieces.push(Piece::Spec(read.checked()?));
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// `%(\d+\$)?([-#+ 0,(<]*)?(\d+)?(\.\d+)?([tT])?([a-zA-Z%])`
struct Raw {
    index: Option<String>,
    flags: String,
    width: Option<String>,
    precision: Option<String>,
    date: Option<char>,
    conversion: char,
    length: usize,
}

impl Raw {
    fn read(chars: &[char]) -> Option<Self> {
        let run = |from: usize, is: &dyn Fn(char) -> bool| -> String {
            chars[from.min(chars.len())..]
                .iter()
                .take_while(|c| is(**c))
                .collect()
        };
        let is_digit = |c: char| c.is_ascii_digit();
        let digits = |from: usize| Some(run(from, &is_digit)).filter(|text| !text.is_empty());
        let mut at = 0;
        let index = digits(at).filter(|text| chars.get(text.len()) == Some(&'$'));
        at += index.as_ref().map_or(0, |text| text.len() + 1);
        let flags = run(at, &|c| "-#+ 0,(<".contains(c));
        at += flags.len();
        let width = digits(at);
        at += width.as_ref().map_or(0, String::len);
        let precision = match chars.get(at) {
            Some('.') => digits(at + 1),
            _ => None,
        };
        at += precision.as_ref().map_or(0, |text| text.len() + 1);
        let is_conversion = |at: usize| {
            let c = chars.get(at).copied();
            c.filter(|c| c.is_ascii_alphabetic() || *c == '%')
        };
        // Without a conversion behind it the letter is the conversion itself.
        let date = chars.get(at).copied().filter(|c| matches!(c, 't' | 'T'));
        let date = date.filter(|_| is_conversion(at + 1).is_some());
        at += usize::from(date.is_some());
        Some(Self {
            index,
            flags,
            width,
            precision,
            date,
            conversion: is_conversion(at)?,
            length: at + 1,
        })
    }

    fn checked(self) -> Result<Spec> {
        let index = match self
            .index
            .map(|text| text.parse::<i32>().unwrap_or(i32::MIN))
        {
            None => Index::Next,
            Some(number) if number > 0 => Index::At(number as usize),
            Some(i32::MIN) => {
                return Err(illegal_index(
                    "Format argument index: (not representable as int)",
                ));
            }
            Some(number) => {
                return Err(illegal_index(&format!(
                    "Illegal format argument index = {number}"
                )));
            }
        };
        let mut flags = String::new();
        for flag in self.flags.chars() {
            if flags.contains(flag) {
                let class = "java.util.DuplicateFormatFlagsException";
                return Err(error(class, format!("Flags = '{flag}'")));
            }
            flags.push(flag);
        }
        let width = self
            .width
            .map(|text| number(&text, "java.util.IllegalFormatWidthException"));
        let width = width.transpose()?;
        let precision = self
            .precision
            .map(|text| number(&text, "java.util.IllegalFormatPrecisionException"));
        let precision = precision.transpose()?;
        let is_upper = match self.date {
            Some(letter) => letter == 'T',
            None => self.conversion.is_ascii_uppercase(),
        };
        if is_upper {
            flags.push('^');
        }
        let spec = Spec {
            index: if flags.contains('<') {
                Index::Last
            } else {
                index
            },
            flags: FLAGS.chars().filter(|flag| flags.contains(*flag)).collect(),
            width,
            precision,
            date: self.date.is_some(),
            conversion: self.conversion,
        };
        spec.check()?;
        Ok(spec)
    }
}

impl Spec {
    /// The conversion as Java shows it in most messages.
    pub fn letter(&self) -> char {
        match self.date {
            true => self.conversion,
            false => self.conversion.to_ascii_lowercase(),
        }
    }

    pub fn is_text(&self) -> bool {
        !self.date && matches!(self.conversion, 'n' | '%')
    }

    fn check(&self) -> Result<()> {
        if self.date {
            self.no_precision()?;
            if !"HIklMNLQpsSTzZaAbBCdehjmyYrRcDF".contains(self.conversion) {
                return Err(unknown(format_args!("t{}", self.conversion)));
            }
            self.refuse("#+ 0,(")?;
            return self.justified();
        }
        if !"bBsShHcCdoxXeEgGfaAn%".contains(self.conversion) {
            return Err(unknown(self.conversion));
        }
        match self.letter() {
            'b' | 'h' => {
                self.refuse("#")?;
                self.justified()?;
                self.refuse("+ 0,(")
            }
            's' => {
                self.justified()?;
                self.refuse("+ 0,(")
            }
            'c' => {
                self.no_precision()?;
                self.refuse("#+ 0,(")?;
                self.justified()
            }
            letter @ ('d' | 'o' | 'x') => {
                self.numeric()?;
                self.no_precision()?;
                self.refuse(if letter == 'd' { "#" } else { "," })
            }
            letter @ ('e' | 'g' | 'f' | 'a') => {
                self.numeric()?;
                self.refuse(match letter {
                    'a' => "(,",
                    'e' => ",",
                    'g' => "#",
                    _ => "",
                })
            }
            '%' => {
                self.no_precision()?;
                if !matches!(self.flags.as_str(), "" | "-") {
                    return Err(self.illegal_flags());
                }
                self.justified()
            }
            _ => {
                self.no_precision()?;
                if let Some(width) = self.width {
                    return Err(error(
                        "java.util.IllegalFormatWidthException",
                        width.to_string(),
                    ));
                }
                match self.flags.is_empty() {
                    true => Ok(()),
                    false => Err(self.illegal_flags()),
                }
            }
        }
    }

    fn numeric(&self) -> Result<()> {
        if self.width.is_none() && self.flags.contains(['-', '0']) {
            return Err(self.no_width());
        }
        let both = |one: char, other: char| self.flags.contains(one) && self.flags.contains(other);
        match both('+', ' ') || both('-', '0') {
            true => Err(self.illegal_flags()),
            false => Ok(()),
        }
    }

    /// `-` needs a width.
    fn justified(&self) -> Result<()> {
        match self.width.is_none() && self.flags.contains('-') {
            true => Err(self.no_width()),
            false => Ok(()),
        }
    }

    fn no_precision(&self) -> Result<()> {
        match self.precision {
            Some(precision) => {
                let class = "java.util.IllegalFormatPrecisionException";
                Err(error(class, precision.to_string()))
            }
            None => Ok(()),
        }
    }

    /// The first of these flags that it has.
    pub fn refuse(&self, flags: &str) -> Result<()> {
        let Some(flag) = flags.chars().find(|flag| self.flags.contains(*flag)) else {
            return Ok(());
        };
        let class = "java.util.FormatFlagsConversionMismatchException";
        let text = format!("Conversion = {}, Flags = {flag}", self.letter());
        Err(error(class, text))
    }

    fn no_width(&self) -> Error {
        error("java.util.MissingFormatWidthException", self.shown())
    }

    fn illegal_flags(&self) -> Error {
        let text = format!("Flags = '{}'", self.flags);
        error("java.util.IllegalFormatFlagsException", text)
    }

    /// `FormatSpecifier.toString`
    pub fn shown(&self) -> String {
        let mut out: String = "%".to_owned();
        out.extend(self.flags.chars().filter(|flag| *flag != '^'));
        if let Index::At(number) = self.index {
            out.push_str(&format!("{number}$"));
        }
        if let Some(width) = self.width {
            out.push_str(&width.to_string());
        }
        if let Some(precision) = self.precision {
            out.push_str(&format!(".{precision}"));
        }
        let is_upper = self.flags.contains('^');
        if self.date {
            out.push(if is_upper { 'T' } else { 't' });
        }
        out.push(match is_upper {
            true => self.conversion.to_ascii_uppercase(),
            false => self.conversion,
        });
        out
    }
}

fn number(text: &str, class: &'static str) -> Result<usize> {
    match text.parse::<i32>() {
        Err(_) => Err(error(class, i32::MIN.to_string())),
        Ok(value) if value as usize > WIDTH_MAX => {
            let text = format!("width or precision above {WIDTH_MAX}");
            Err(error(class, text))
        }
        Ok(value) => Ok(value as usize),
    }
}

fn illegal_index(text: &str) -> Error {
    error("java.util.IllegalFormatArgumentIndexException", text)
}

fn unknown(conversion: impl std::fmt::Display) -> Error {
    error(
        "java.util.UnknownFormatConversionException",
        format!("Conversion = '{conversion}'"),
    )
}
