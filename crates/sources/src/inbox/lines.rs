//! Standard input, line by line: whole lines handed out together, up to a size or as they came within a moment; packed with gzip or plain.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;

use crate::inbox::desk::{Content, Desk, Part, Ready};
use crate::inbox::settings::{CHUNK_BYTES_MAX, CHUNK_WAIT};
use crate::item::{Fingerprint, Provenance};
use crate::reader::ReadError;

/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;
/// Reads made ahead.
const READS_AHEAD: usize = 16;
/// How long a look at an input that is silent takes before the next look at whether the inbox closes.
const LOOK: Duration = Duration::from_millis(200);
/// How a gzip stream begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Starts a thread that reads `input`. It ends with the input, or at the first read that nobody waits for: a read can't be broken off.
///
/// # Errors
/// The thread can't be started.
pub(super) fn read(input: impl Read + Send + 'static) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = sync_channel(READS_AHEAD);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || pump(input, &sender))?;
    Ok(receiver)
}

fn pump(input: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut input = match unpacked(input) {
        Ok(input) => input,
        Err(error) => return drop(sender.send(Err(error))),
    };
    loop {
        let mut bytes = vec![0; READ_BYTES];
        match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(read) => {
                bytes.truncate(read);
                if sender.send(Ok(bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return drop(sender.send(Err(error))),
        }
    }
}

/// The input unpacked, if it begins as gzip does.
fn unpacked<'r>(mut input: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut start = Vec::new();
    input
        .by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut start)?;
    let packed = start == GZIP;
    let whole = Cursor::new(start).chain(input);
    Ok(match packed {
        true => Box::new(MultiGzDecoder::new(BufReader::new(whole))),
        false => Box::new(whole),
    })
}

/// Puts down what comes, until the input or the inbox ends.
pub(super) fn put_all(desk: &Desk, feed: usize, input: &Receiver<io::Result<Vec<u8>>>) {
    let mut chunks = Chunks::new(CHUNK_BYTES_MAX, desk.settings.line_bytes_max);
    let mut since: Option<Instant> = None;
    loop {
        let wait = since.map_or(LOOK, |since| CHUNK_WAIT.saturating_sub(since.elapsed()));
        let closed = desk.closed();
        let came = match closed {
            // What was read already is still handed out.
            true => input.try_recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => input.recv_timeout(wait),
        };
        let mut out = Vec::new();
        let mut end = false;
        match came {
            Ok(Ok(bytes)) => chunks.push(&bytes, &mut out),
            Ok(Err(error)) => {
                chunks.end(&mut out);
                out.push(Err(ReadError::Stdin(error)));
                end = true;
            }
            Err(RecvTimeoutError::Timeout) if since.is_none() => {}
            Err(RecvTimeoutError::Timeout) => chunks.flush(&mut out),
            Err(RecvTimeoutError::Disconnected) if closed => {
                chunks.flush(&mut out);
                if chunks.half() > 0 {
                    let why = "read standard input: ended within a line, which is lost";
                    desk.went(feed, Part::Take, Err(why));
                }
                end = true;
            }
            Err(RecvTimeoutError::Disconnected) => {
                chunks.end(&mut out);
                end = true;
            }
        }
        since = match (chunks.whole() > 0, out.is_empty()) {
            (false, _) => None,
            (true, true) => since.or_else(|| Some(Instant::now())),
            (true, false) => Some(Instant::now()),
        };
        out.into_iter().for_each(|chunk| put(desk, feed, chunk));
        if end {
            return desk.feed_ended(feed);
        }
    }
}

fn put(desk: &Desk, feed: usize, chunk: Result<Vec<u8>, ReadError>) {
    // Once the inbox closes there is little left, and it is handed out all the same.
    desk.wait_for_room(feed);
    match &chunk {
        Ok(bytes) => desk.read(feed, bytes.len()),
        Err(error) => desk.went(feed, Part::Take, Err(&error.to_string())),
    }
    desk.put(Ready {
        feed,
        provenance: Provenance::Stdin,
        fingerprint: Fingerprint::Unknown,
        content: Content::Bytes(chunk),
        delivered: None,
        attempt: 1,
        message: None,
        cost: 0,
    });
}

/// Gathers whole lines.
struct Chunks {
    buffer: Vec<u8>,
    /// Where the whole lines in the buffer end.
    whole: usize,
    /// Within a line that is too long: its rest is thrown away.
    throwing_away: bool,
    chunk_bytes_max: usize,
    line_bytes_max: usize,
}

impl Chunks {
    fn new(chunk_bytes_max: usize, line_bytes_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            whole: 0,
            throwing_away: false,
            chunk_bytes_max,
            line_bytes_max,
        }
    }

    /// Bytes of whole lines gathered.
    fn whole(&self) -> usize {
        self.whole
    }

    /// Bytes of the line begun.
    fn half(&self) -> usize {
        self.buffer.len() - self.whole
    }

    /// Takes bytes in; what is full goes out.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Result<Vec<u8>, ReadError>>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if self.throwing_away {
                self.throwing_away = !ends;
                continue;
            }
            let line = self.half() + piece.len() - usize::from(ends);
            if line > self.line_bytes_max {
                self.buffer.truncate(self.whole);
                self.flush(out);
                self.throwing_away = !ends;
                out.push(Err(ReadError::too_large(
                    "read a line of standard input".to_owned(),
                    self.line_bytes_max as u64,
                    "line_bytes_max",
                )));
                continue;
            }
            self.buffer.extend_from_slice(piece);
            if !ends {
                continue;
            }
            if self.buffer.len() > self.chunk_bytes_max {
                self.flush(out);
            }
            self.whole = self.buffer.len();
            if self.whole >= self.chunk_bytes_max {
                self.flush(out);
            }
        }
    }

    /// Hands out the whole lines gathered.
    fn flush(&mut self, out: &mut Vec<Result<Vec<u8>, ReadError>>) {
        if self.whole > 0 {
            let rest = self.buffer.split_off(self.whole);
            out.push(Ok(std::mem::replace(&mut self.buffer, rest)));
            self.whole = 0;
        }
    }

    /// Hands out all that is left: a last line needs no line end.
    fn end(&mut self, out: &mut Vec<Result<Vec<u8>, ReadError>>) {
        self.whole = self.buffer.len();
        self.flush(out);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::inbox::desk::Taken;
    use crate::inbox::settings::{Feed, InboxSettings};

    const LONG: Duration = Duration::from_secs(20);

    fn chunks(pieces: &[&str], chunk_bytes_max: usize, line_bytes_max: usize) -> Vec<String> {
        let mut chunks = Chunks::new(chunk_bytes_max, line_bytes_max);
        let mut out = Vec::new();
        for piece in pieces {
            chunks.push(piece.as_bytes(), &mut out);
        }
        chunks.end(&mut out);
        let shown = |chunk: Result<Vec<u8>, ReadError>| {
            chunk.map_or_else(
                |_| "too long".to_owned(),
                |bytes| String::from_utf8(bytes).unwrap(),
            )
        };
        out.into_iter().map(shown).collect()
    }

    #[test]
    fn lines_go_together_up_to_a_size() {
        let check = |pieces: &[&str], expected: &[&str]| {
            assert_eq!(chunks(pieces, 6, 9), expected, "{pieces:?}");
        };
        check(&[], &[]);
        check(&["a\nb\n"], &["a\nb\n"]);
        check(&["a\nb", "c\nd"], &["a\nbc\nd"]);
        check(&["aa\nbb\ncc\n"], &["aa\nbb\n", "cc\n"]);
        check(&["a\n1234567\nb\n"], &["a\n", "1234567\n", "b\n"]);
        check(
            &["a\n12345678", "90", "12\nb\n"],
            &["a\n", "too long", "b\n"],
        );
        check(
            &["123456789\n1234567890\n", "b"],
            &["123456789\n", "too long", "b"],
        );
        check(&["1234567890"], &["too long"]);
    }

    /// An input that gives what a channel brings, and is silent meanwhile.
    struct Slow {
        channel: Receiver<Vec<u8>>,
        left: Cursor<Vec<u8>>,
    }

    impl Slow {
        fn new(channel: Receiver<Vec<u8>>) -> Self {
            let left = Cursor::default();
            Self { channel, left }
        }
    }

    impl Read for Slow {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match self.left.read(bytes)? {
                0 => {
                    self.left = Cursor::new(self.channel.recv().unwrap_or_default());
                    self.left.read(bytes)
                }
                read => Ok(read),
            }
        }
    }

    fn desk() -> Arc<Desk> {
        let known = Arc::new(|_: &str, _: &str| false);
        Arc::new(Desk::new(&[Feed::Stdin], InboxSettings::default(), known))
    }

    fn start(desk: &Arc<Desk>, input: impl Read + Send + 'static) -> std::thread::JoinHandle<()> {
        let (desk, input) = (Arc::clone(desk), read(input).unwrap());
        std::thread::spawn(move || put_all(&desk, 0, &input))
    }

    fn next(desk: &Desk) -> Option<String> {
        match desk.take(LONG) {
            Taken::Ended => None,
            Taken::Nothing => panic!("nothing came"),
            Taken::Ready(ready) => match ready.content {
                Content::Bytes(Ok(bytes)) => Some(String::from_utf8(bytes).unwrap()),
                Content::Bytes(Err(error)) => Some(error.to_string()),
                Content::File(_) => panic!("no file"),
            },
        }
    }

    #[test]
    fn what_came_is_handed_out_before_the_input_ends() {
        let (sender, receiver) = channel();
        let desk = desk();
        let thread = start(&desk, Slow::new(receiver));
        sender.send(b"a\nb".to_vec()).unwrap();
        assert_eq!(next(&desk).as_deref(), Some("a\n"));
        sender.send(b"c\nlast".to_vec()).unwrap();
        assert_eq!(next(&desk).as_deref(), Some("bc\n"));
        drop(sender);
        assert_eq!(next(&desk).as_deref(), Some("last"));
        assert_eq!(next(&desk), None);
        thread.join().unwrap();
        let status = desk.status();
        assert_eq!(
            (status[0].objects, status[0].bytes, status[0].ended),
            (3, 9, true)
        );
    }

    #[test]
    fn an_inbox_that_closes_does_not_wait_for_a_silent_input() {
        let (sender, receiver) = channel();
        let desk = desk();
        let thread = start(&desk, Slow::new(receiver));
        sender.send(b"a\n".to_vec()).unwrap();
        assert_eq!(next(&desk).as_deref(), Some("a\n"));
        desk.close();
        assert_eq!(next(&desk), None);
        thread.join().unwrap();
        drop(sender);
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_input_is_unpacked_and_a_break_in_it_is_told() {
        let mut whole = packed(b"a\nb\n");
        whole.extend(packed(b"c\n"));
        let desk_of = |bytes: Vec<u8>| {
            let desk = desk();
            start(&desk, Cursor::new(bytes)).join().unwrap();
            std::iter::from_fn(|| next(&desk)).collect::<Vec<_>>()
        };
        assert_eq!(desk_of(whole.clone()), ["a\nb\nc\n"]);
        let told = desk_of(whole[..whole.len() - 4].to_vec());
        assert_eq!(told[0], "a\nb\nc\n");
        assert!(told[1].starts_with("read standard input: "), "{told:?}");
        assert_eq!(desk_of(Vec::new()), Vec::<String>::new());
        assert_eq!(desk_of(vec![0x1f]), ["\u{1f}"]);
    }

    proptest! {
        /// Cut anywhere, the same lines come out, none over the limit, and nothing is held back.
        #[test]
        fn any_cut_gives_the_same_lines(text in "[ab\n]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..6), line_max in 1_usize..9) {
            let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let pieces: Vec<&str> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let joined = |pieces: &[&str]| chunks(pieces, 16, line_max).concat();
            prop_assert_eq!(joined(&pieces), joined(&[&text]));
            let expected: String = text.split_inclusive('\n')
                .map(|line| if line.trim_end_matches('\n').len() > line_max { "too long" } else { line }).collect();
            prop_assert_eq!(joined(&[&text]), expected);
        }
    }
}
