//! Messages of the socket's protobuf encoding: each after its length as a varint.

use bytes::{Buf as _, Bytes, BytesMut};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::error::StationError;

/// A reader of length-delimited messages.
#[derive(Debug)]
pub struct FrameReader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::with_capacity(8192) }
    }

    /// One line of the encoding before this one.
    pub async fn line(&mut self) -> Result<Bytes, StationError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                return Ok(line);
            }
            self.more().await?;
        }
    }

    /// The next message.
    pub async fn message<M: Message + Default>(&mut self) -> Result<M, StationError> {
        loop {
            let mut rest = &self.buffer[..];
            match prost::decode_length_delimiter(&mut rest) {
                Ok(length) if length > LONGEST => {
                    return Err(StationError::Protocol("a message is too long".into()));
                }
                Ok(length) if rest.len() >= length => {
                    let delimiter = self.buffer.len() - rest.len();
                    self.buffer.advance(delimiter);
                    return M::decode(self.buffer.split_to(length))
                        .map_err(|error| StationError::Protocol(error.to_string()));
                }
                // Not all of the length yet, or of the message.
                Err(_) if self.buffer.len() >= LONGEST_DELIMITER => {
                    return Err(StationError::Protocol("a length is none".into()));
                }
                Ok(_) | Err(_) => self.more().await?,
            }
        }
    }

    async fn more(&mut self) -> Result<(), StationError> {
        if self.buffer.len() > LONGEST {
            return Err(StationError::Protocol("a line is too long".into()));
        }
        match self.from.read_buf(&mut self.buffer).await {
            Ok(0) => Err(StationError::Ended),
            Ok(_) => Ok(()),
            Err(error) => Err(StationError::Lost(error)),
        }
    }
}

/// An answer to a list is the longest, and a bridge asks for none.
const LONGEST: usize = 1 << 20;
/// A varint of 64 bits.
const LONGEST_DELIMITER: usize = 10;
