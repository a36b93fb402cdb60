//! The strict reading of HTTP/1 message boundaries (RFC 9112), applied to bytes before hyper sees them. No I/O here.
//!
//! hyper accepts a few messages that another HTTP implementation in front of us may cut differently: bare line feeds,
//! `Content-Length` next to `Transfer-Encoding` (hyper drops the former), a list of transfer codings that
//! ends in `chunked`, several `Host` lines. Each is a way to smuggle a request past a proxy. This reader follows the
//! boundaries itself and *spoils* a message that breaks a rule: the line feed that completes the offence becomes NUL, which
//! hyper refuses with 400 and a closed connection, in its proper place after earlier answers.

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In a request head, or between messages.
    Head,
    /// In a body of known length, with this many bytes to come.
    Length(u64),
    /// In the line that names the size of a chunk.
    ChunkSize,
    /// In a chunk, with this many bytes to come.
    ChunkData(u64),
    /// Before the CR that ends a chunk.
    ChunkCr,
    /// Before the LF that ends a chunk.
    ChunkLf,
    /// In the fields after the last chunk.
    Trailers,
    /// After a request that asked for an upgrade: what follows may be another protocol.
    Held,
    /// The bytes are no longer HTTP/1.
    Foreign,
    /// A message was spoilt; nothing after it is passed on.
    Refused,
}

/// What the peer owes us, for the clock that watches the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A new request, of which no byte has come.
    Request,
    /// The rest of a request head.
    Head,
    /// The rest of a body.
    Body,
    /// Nothing we can judge.
    Unknown,
}

/// A rule was broken; which one is of no use to an attacker and of little to anyone else.
#[derive(Debug, PartialEq, Eq)]
struct Offence;

/// Follows one connection from message to message.
#[derive(Debug)]
pub(super) struct Framing {
    stage: Stage,
    head: Head,
    /// The beginning of a line whose end has not arrived; bounded by `header_bytes`.
    carry: Vec<u8>,
    /// Bytes of the head, chunk line or trailers being read.
    taken: usize,
    header_bytes: usize,
    heads: u32,
}

impl Framing {
    /// For a new connection. Heads longer than `header_bytes` are not judged: hyper answers 431.
    pub(super) const fn new(header_bytes: usize) -> Self {
        Self { stage: Stage::Head, head: Head::new(), carry: Vec::new(), taken: 0, header_bytes, heads: 0 }
    }

    /// Reads newly arrived bytes. The answer is how many of them may be passed on; the rest is to be
    /// offered again after [`resume`](Self::resume) or [`give_up`](Self::give_up), or dropped when [`is_refused`](Self::is_refused).
    pub(super) fn inspect(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
            at += match self.stage {
                Stage::Foreign => return bytes.len(),
                Stage::Held | Stage::Refused => return at,
                Stage::Length(left) => self.skip(left, rest.len(), Stage::Length),
                Stage::ChunkData(left) => self.skip(left, rest.len(), Stage::ChunkData),
                Stage::ChunkCr => self.expect(rest, b'\r', Stage::ChunkLf),
                Stage::ChunkLf => self.expect(rest, b'\n', Stage::ChunkSize),
                Stage::Head | Stage::ChunkSize | Stage::Trailers => self.line(rest),
            };
        }
        at
    }

    /// What the peer is expected to send next.
    pub(super) fn awaited(&self) -> Awaited {
        match self.stage {
            Stage::Head if self.taken == 0 => Awaited::Request,
            Stage::Head => Awaited::Head,
            Stage::Held | Stage::Foreign | Stage::Refused => Awaited::Unknown,
            _ => Awaited::Body,
        }
    }

    /// Complete request heads seen so far, wrapping.
    pub(super) const fn heads(&self) -> u32 {
        self.heads
    }

    /// Whether nothing may be read until the request that asked for an upgrade is answered.
    pub(super) fn is_held(&self) -> bool {
        self.stage == Stage::Held
    }

    /// Whether a message was spoilt.
    pub(super) fn is_refused(&self) -> bool {
        self.stage == Stage::Refused
    }

    /// The upgrade was declined: the next byte begins a request.
    pub(super) fn resume(&mut self) {
        self.stage = Stage::Head;
    }

    /// The bytes are another protocol from now on.
    pub(super) fn give_up(&mut self) {
        self.stage = Stage::Foreign;
    }

    /// Whether the connection stands between two messages, with nothing left unread.
    pub(super) fn is_between_messages(&self) -> bool {
        self.stage == Stage::Foreign || self.awaited() == Awaited::Request
    }

    fn skip(&mut self, left: u64, here: usize, stage: fn(u64) -> Stage) -> usize {
        let step = usize::try_from(left).map_or(here, |left| left.min(here));
        let left = left.saturating_sub(step as u64);
        self.stage = match stage(left) {
            Stage::Length(0) => self.after_message(),
            Stage::ChunkData(0) => Stage::ChunkCr,
            more => more,
        };
        step
    }

    fn expect(&mut self, rest: &mut [u8], wanted: u8, next: Stage) -> usize {
        if let Some(byte) = rest.first_mut() {
            if *byte == wanted {
                self.stage = next;
            } else {
                *byte = SPOILER;
                self.stage = Stage::Refused;
            }
        }
        1
    }

    /// Takes the bytes up to a line feed, or keeps them until it comes.
    fn line(&mut self, rest: &mut [u8]) -> usize {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return self.unfinished(rest);
        };
        self.taken += end + 1;
        let (line, feed) = rest.split_at_mut(end);
        let judged = if self.stage == Stage::Head && self.taken > self.header_bytes {
            // hyper counts the same bytes and answers 431; whatever it does, nothing after this is passed on.
            self.stage = Stage::Refused;
            return end + 1;
        } else if self.carry.is_empty() {
            self.judge(line)
        } else {
            let mut whole = std::mem::take(&mut self.carry);
            whole.extend_from_slice(line);
            let judged = self.judge(&whole);
            whole.clear();
            self.carry = whole;
            judged
        };
        self.stage = judged.unwrap_or(Stage::Refused);
        if let (Stage::Refused, Some(feed)) = (self.stage, feed.first_mut()) {
            *feed = SPOILER;
        }
        end + 1
    }

    fn unfinished(&mut self, rest: &mut [u8]) -> usize {
        self.taken += rest.len();
        let bound = match self.stage {
            Stage::ChunkSize => CHUNK_LINE,
            _ => self.header_bytes,
        };
        if self.taken <= bound {
            self.carry.extend_from_slice(rest);
        } else if self.stage != Stage::Head {
            if let Some(byte) = rest.first_mut() {
                *byte = SPOILER;
            }
            self.stage = Stage::Refused;
            return 1;
        }
        // An endless head goes on to hyper, whose buffer ends it with 431.
        rest.len()
    }

    fn judge(&mut self, line: &[u8]) -> Result<Stage, Offence> {
        let line = line.strip_suffix(b"\r").ok_or(Offence)?;
        match self.stage {
            Stage::ChunkSize => {
                if self.taken > CHUNK_LINE {
                    return Err(Offence);
                }
                self.taken = 0;
                Ok(match chunk_size(line)? {
                    0 => Stage::Trailers,
                    size => Stage::ChunkData(size),
                })
            }
            Stage::Trailers if self.taken > self.header_bytes => Err(Offence),
            Stage::Trailers if line.is_empty() => Ok(self.after_message()),
            Stage::Trailers => field(line).map(|_| Stage::Trailers),
            _ => match self.head.line(line)? {
                Progress::More => Ok(Stage::Head),
                Progress::Complete(stage) => {
                    self.heads = self.heads.wrapping_add(1);
                    self.taken = 0;
                    Ok(match stage {
                        Stage::Head => self.after_message(),
                        body => body,
                    })
                }
            },
        }
    }

    /// The stage behind a complete message; a new head begins, unless an upgrade is in question.
    fn after_message(&mut self) -> Stage {
        self.taken = 0;
        let upgrade = self.head.upgrade;
        self.head = Head::new();
        if upgrade { Stage::Held } else { Stage::Head }
    }
}

enum Progress {
    More,
    /// The head is complete; `Stage::Head` stands for "no body".
    Complete(Stage),
}

/// What the lines of one head have said so far.
#[derive(Clone, Copy, Debug)]
struct Head {
    lines: u32,
    blanks: u8,
    http11: bool,
    hosts: u8,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl Head {
    const fn new() -> Self {
        Self { lines: 0, blanks: 0, http11: false, hosts: 0, length: None, chunked: false, upgrade: false }
    }

    fn line(&mut self, line: &[u8]) -> Result<Progress, Offence> {
        if line.is_empty() {
            return self.blank();
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines == 1 {
            self.request_line(line)?;
        } else {
            let (name, value) = field(line)?;
            self.field(name, value)?;
        }
        Ok(Progress::More)
    }

    /// An empty line: the end of the head, or one of the few that may stand before it (RFC 9112 section 2.2).
    fn blank(&mut self) -> Result<Progress, Offence> {
        if self.lines > 0 {
            return self.body().map(Progress::Complete);
        }
        self.blanks += 1;
        if self.blanks > LEADING_BLANKS { Err(Offence) } else { Ok(Progress::More) }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Offence> {
        self.http11 = line.ends_with(b" HTTP/1.1");
        if !self.http11 && !line.ends_with(b" HTTP/1.0") {
            return Err(Offence);
        }
        // A target has no fragment (RFC 9112 section 3.2); the URI type would drop it silently.
        if memchr::memchr(b'#', line).is_some() { Err(Offence) } else { Ok(()) }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Offence> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let sound = match name.len() {
            4 if is(b"host") => {
                self.hosts = self.hosts.saturating_add(1);
                true
            }
            7 if is(b"upgrade") => {
                self.upgrade = true;
                true
            }
            14 if is(b"content-length") => self.length.replace(decimal(value)?).is_none(),
            17 if is(b"transfer-encoding") => {
                !std::mem::replace(&mut self.chunked, true) && value.eq_ignore_ascii_case(b"chunked")
            }
            _ => true,
        };
        if sound { Ok(()) } else { Err(Offence) }
    }

    /// Message body length (RFC 9112 section 6.3), without its leniency.
    fn body(&mut self) -> Result<Stage, Offence> {
        if self.hosts > 1 || (self.http11 && self.hosts == 0) {
            return Err(Offence);
        }
        // Upgrade is of HTTP/1.1 only (RFC 9110 section 7.8).
        self.upgrade &= self.http11;
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Offence),
            (true, None) if !self.http11 => Err(Offence),
            (true, None) => Ok(Stage::ChunkSize),
            (false, None | Some(0)) => Ok(Stage::Head),
            (false, Some(length)) => Ok(Stage::Length(length)),
        }
    }
}

/// Name and trimmed value of a field line. A line that begins or continues with white space is an obsolete fold, and
/// white space before the colon is forbidden (RFC 9112 section 5).
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Offence> {
    let colon = memchr::memchr(b':', line).ok_or(Offence)?;
    let (name, value) = line.split_at(colon);
    let blank = |byte: Option<&u8>| matches!(byte, None | Some(b' ' | b'\t'));
    if blank(name.first()) || blank(name.last()) {
        return Err(Offence);
    }
    Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
}

fn decimal(value: &[u8]) -> Result<u64, Offence> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Offence);
    }
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(Offence)
}

/// Size of a chunk from its line: at most sixteen hexadecimal digits, then nothing or an extension.
fn chunk_size(line: &[u8]) -> Result<u64, Offence> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, rest) = line.split_at(digits);
    let extension = match rest.first() {
        None => true,
        Some(b';') => rest.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t'),
        Some(_) => false,
    };
    if size.is_empty() || size.len() > 16 || !extension {
        return Err(Offence);
    }
    std::str::from_utf8(size).ok().and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or(Offence)
}

/// Invalid wherever a line feed is valid in HTTP/1, and wherever a chunk's CRLF or size is.
const SPOILER: u8 = 0;

/// A chunk's size with its extensions, in bytes. Nobody sends extensions; floods of them are an attack.
const CHUNK_LINE: usize = 256;

/// Empty lines tolerated before a request line: some clients send one after a body.
const LEADING_BLANKS: u8 = 2;

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
