//! Messages in a stream: over TCP, STUN messages and channel data follow each other, and channel data is filled up to four bytes
//! (RFC 8656, section 12.5).

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

/// Reads whole messages.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    stream: R,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) const fn new(stream: R) -> Self {
        Self { stream }
    }

    /// The stream, which is at the end of a message: none is read ahead.
    pub(crate) fn into_inner(self) -> R {
        self.stream
    }

    /// The next message, without what fills it up; none at the end, also at an end in its middle. Not to be given up halfway.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; CHANNEL_HEADER];
        match self.stream.read_exact(&mut head).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let (length, filled) = lengths(head).ok_or(io::ErrorKind::InvalidData)?;
        // At most 64 KiB, of one message at a time.
        let mut message = vec![0; filled];
        message[..CHANNEL_HEADER].copy_from_slice(&head);
        match self.stream.read_exact(&mut message[CHANNEL_HEADER..]).await {
            Ok(_) => {
                message.truncate(length);
                Ok(Some(message))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The length of a message that begins so, without and with what fills it up; none if no message does.
fn lengths([a, _, c, d]: [u8; CHANNEL_HEADER]) -> Option<(usize, usize)> {
    let content = usize::from(u16::from_be_bytes([c, d]));
    match a >> 6 {
        0 if content % 4 == 0 => Some((HEADER + content, HEADER + content)),
        1 => {
            let length = CHANNEL_HEADER + content;
            Some((length, length.next_multiple_of(4)))
        }
        _ => None,
    }
}

/// Fills channel data up for a stream.
pub(crate) fn fill_up(message: &mut Vec<u8>) {
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_found_one_after_the_other() {
        let mut binding = vec![0, 1, 0, 4];
        binding.resize(24, 7);
        let channel = [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0];
        let stream = [&binding[..], &channel, &binding[..9]].concat();
        let mut frames = Frames::new(&stream[..]);
        assert_eq!(frames.next().await.unwrap().unwrap(), binding);
        assert_eq!(frames.next().await.unwrap().unwrap(), channel[..9]);
        assert_eq!(frames.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error() {
        for bad in [*b"GET ", [0x80, 0, 0, 0], [0xff; 4], [0, 1, 0, 3]] {
            let stream = [&bad[..], &[0; 200_000]].concat();
            let first = Frames::new(&stream[..]).next().await;
            // An ASCII letter may be a channel, whose data nobody wants.
            assert!(first.is_err() || bad[0] == b'G', "{bad:?}");
        }
    }

    #[test]
    fn channel_data_is_filled_up() {
        let mut message = vec![0x40, 0, 0, 1, 9];
        fill_up(&mut message);
        assert_eq!(message, [0x40, 0, 0, 1, 9, 0, 0, 0]);
    }
}
