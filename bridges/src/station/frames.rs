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

#[cfg(test)]
mod tests {
    use core::pin::Pin;
    use core::task::{Context, Poll};
    use std::io;

    use proptest::prelude::*;
    use tokio::io::ReadBuf;
    use v2x_proto::v1::{ControlAnswer, control_answer};

    use super::*;

    /// Bytes that come in pieces of this length.
    struct Pieces<'b>(&'b [u8], usize);

    impl AsyncRead for Pieces<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            to: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let (piece, rest) = self.0.split_at(self.1.min(self.0.len()).min(to.remaining()));
            to.put_slice(piece);
            self.0 = rest;
            Poll::Ready(Ok(()))
        }
    }

    /// What is read until the end, and why that is the end.
    fn read(bytes: &[u8], length: usize) -> (Vec<ControlAnswer>, String) {
        let mut reader = FrameReader::new(Pieces(bytes, length));
        let mut answers = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let end = runtime.block_on(async {
            loop {
                match reader.message::<ControlAnswer>().await {
                    Ok(answer) => answers.push(answer),
                    Err(error) => break error,
                }
            }
        });
        (answers, end.to_string())
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_how_they_are_cut_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![0..12_u8, any::<u8>()], 0..80), length in 1_usize..40,
        ) {
            prop_assert_eq!(read(&bytes, length), read(&bytes, 1));
        }

        #[test]
        fn answers_are_read_as_they_were_written(
            texts in proptest::collection::vec("\\PC{0,40}", 0..5), length in 1_usize..40,
        ) {
            let answer = |text: String| ControlAnswer { answer: Some(control_answer::Answer::Json(text)) };
            let answers: Vec<_> = texts.into_iter().map(answer).collect();
            let bytes: Vec<u8> = answers.iter().flat_map(|answer| answer.encode_length_delimited_to_vec()).collect();
            let (found, end) = read(&bytes, length);
            prop_assert_eq!((found, end), (answers, StationError::Ended.to_string()));
        }
    }
}
