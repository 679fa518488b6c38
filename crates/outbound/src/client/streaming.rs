//! An answer that is read as it comes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use url::Url;

use super::message::{Options, first_header, readable};
use super::{Deadline, next_chunk};
use crate::error::{Error, Kind, Part};

/// An answer whose body is still coming. Dropping it closes the call.
#[derive(Debug)]
pub struct Streaming {
    status: u16,
    headers: Vec<(String, String)>,
    url: Url,
    response: reqwest::Response,
    /// Bytes of a line that is not whole yet, or of lines after the one that was asked for.
    read: BytesMut,
    /// How much of `read` is known to hold no line feed.
    searched: usize,
    ended: bool,
    read_timeout: Duration,
    line_bytes_max: usize,
    response_bytes_max: u64,
}

impl Streaming {
    pub(super) fn new(url: Url, response: reqwest::Response, options: &Options) -> Streaming {
        Streaming {
            status: response.status().as_u16(),
            headers: readable(response.headers()),
            url,
            response,
            read: BytesMut::new(),
            searched: 0,
            ended: false,
            read_timeout: options.read_timeout,
            line_bytes_max: options.line_bytes_max,
            response_bytes_max: options.response_bytes_max,
        }
    }

    /// HTTP status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Headers in order, names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first_header(&self.headers, name)
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The next bytes, as they come; none at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Kind::Timeout`] if nothing came within the read timeout, which for events means that the sender's signs of life
    /// stopped; [`Kind::Interrupted`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.read.is_empty() {
            self.searched = 0;
            return Ok(Some(self.read.split().freeze()));
        }
        self.receive().await
    }

    /// The next line without its end (`\n` or `\r\n`); none at the end. What follows the last line end is a line too,
    /// if it is not empty. Bytes that are not UTF-8 are replaced. Cancel-safe.
    ///
    /// # Errors
    /// As [`Streaming::chunk`]; [`Kind::TooLarge`] for a line above the limit.
    pub async fn line(&mut self) -> Result<Option<String>, Error> {
        loop {
            let found = self.read[self.searched..]
                .iter()
                .position(|&byte| byte == b'\n');
            let length = found.map_or(self.read.len(), |at| self.searched + at);
            if length > self.line_bytes_max {
                let limit_bytes = self.line_bytes_max as u64;
                return Err(Error::new(
                    Kind::TooLarge {
                        part: Part::Line,
                        limit_bytes,
                    },
                    &self.url,
                    true,
                ));
            }
            if found.is_some() {
                let line = self.read.split_to(length + 1);
                self.searched = 0;
                return Ok(Some(text(&line[..length])));
            }
            self.searched = length;
            match self.receive().await? {
                Some(chunk) => self.read.extend_from_slice(&chunk),
                None if self.read.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(text(&self.read.split())));
                }
            }
        }
    }

    /// The rest of the body, for an answer that turns out to be an error message.
    ///
    /// # Errors
    /// As [`Streaming::chunk`]; [`Kind::TooLarge`] for more than the limit of a whole answer.
    pub async fn rest(mut self) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (whole.len() + chunk.len()) as u64 > self.response_bytes_max {
                let limit_bytes = self.response_bytes_max;
                return Err(Error::new(
                    Kind::TooLarge {
                        part: Part::Response,
                        limit_bytes,
                    },
                    &self.url,
                    true,
                ));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        if self.ended {
            return Ok(None);
        }
        let never = Deadline {
            at: None,
            total: Duration::MAX,
        };
        let chunk = next_chunk(&mut self.response, &self.url, self.read_timeout, &never).await?;
        self.ended = chunk.is_none();
        Ok(chunk)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}
