//! As much of RFC 6455 as a handshake and one echoed text frame need, on both sides.

use super::client::{Ask, Stream, dial};
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, header};
use std::{fmt::Write as _, io};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// RFC 6455 section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Sixteen bytes in base64; a test needs no fresh ones.
const KEY: &str = "dm91Y2hzYWZlIHRlc3QgMQ==";

/// The `Sec-WebSocket-Accept` for a request that asks for a WebSocket; nothing for any other.
pub fn accept<B>(request: &Request<B>) -> Option<String> {
    let upgrade = request.headers().get(header::UPGRADE)?.to_str().ok()?;
    let connection = request.headers().get(header::CONNECTION)?.to_str().ok()?.to_ascii_lowercase();
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?;
    connection.split(',').find(|token| token.trim() == "upgrade")?;
    upgrade.eq_ignore_ascii_case("websocket").then(|| signed(key))
}

/// Server side: sends every text frame back, until the other side is done.
pub async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    loop {
        let text = read_frame(&mut stream).await?;
        let length = u8::try_from(text.len()).map_err(io::Error::other)?;
        stream.write_all(&[0x81, length]).await?;
        stream.write_all(&text).await?;
        stream.flush().await?;
    }
}

/// What a WebSocket client got.
pub enum Handshake {
    Open(Socket),
    Refused(u16),
}

/// An open connection.
pub struct Socket(Box<dyn Stream>);

/// Client side: asks for an upgrade with the headers of `ask` (cookies, origin).
pub async fn open(ask: &Ask) -> io::Result<Handshake> {
    let (mut stream, target, host) = dial(&ask.url).await?;
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n",
        host.to_str().map_err(io::Error::other)?
    );
    for (name, value) in &ask.headers {
        let _ = write!(head, "{name}: {}\r\n", value.to_str().map_err(io::Error::other)?);
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.flush().await?;
    let answer = read_head(&mut stream).await?;
    let status =
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    if status != 101 {
        return Ok(Handshake::Refused(status));
    }
    let accepted = answer
        .to_ascii_lowercase()
        .contains(&format!("sec-websocket-accept: {}", signed(KEY).to_ascii_lowercase()));
    assert!(accepted, "the handshake answer is not for our key:\n{answer}");
    Ok(Handshake::Open(Socket(stream)))
}

impl Socket {
    /// Sends a text frame (masked, as clients must) and returns what comes back.
    pub async fn say(&mut self, text: &str) -> io::Result<String> {
        const MASK: [u8; 4] = [1, 2, 3, 4];
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).expect("tests say little");
        let masked: Vec<u8> = text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.0.write_all(&[0x81, 0x80 | length]).await?;
        self.0.write_all(&MASK).await?;
        self.0.write_all(&masked).await?;
        self.0.flush().await?;
        let answer = tokio::time::timeout(super::wait::PATIENCE, read_frame(&mut self.0)).await??;
        String::from_utf8(answer).map_err(io::Error::other)
    }
}

/// One short frame, unmasked if it was masked. A closed connection is an error, which ends the conversation.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut start = [0; 2];
    stream.read_exact(&mut start).await?;
    if start[0] != 0x81 {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let mut mask = [0; 4];
    if start[1] & 0x80 != 0 {
        stream.read_exact(&mut mask).await?;
    }
    let mut text = vec![0; usize::from(start[1] & 0x7f)];
    stream.read_exact(&mut text).await?;
    for (byte, mask) in text.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(text)
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

fn signed(key: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}
