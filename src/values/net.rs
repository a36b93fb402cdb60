//! Peers, whom of them we believe, and where a request really came from.

use std::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net};

/// Who is at the other end of our socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A TCP peer.
    Ip(IpAddr),
    /// A peer on a Unix socket.
    Unix,
}

/// The longest chain of `X-Forwarded-For` that we read (forward-auth.md 2.2).
pub const MAX_CHAIN: usize = 32;

/// The peers whose forwarding headers we believe (HDR-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedPeers {
    nets: Vec<IpNet>,
    unix: bool,
}

/// Whether a list of trusted peers may cover a whole address family. It hands every client the right to
/// say who and where it is, so it must be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustEveryone {
    /// Refuse such a list.
    Refuse,
    /// The operator insists.
    Insist,
}

/// The list of trusted peers covers all of IPv4 or all of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the trusted proxies cover the whole address range {0}: every client could claim any address or host"
)]
pub struct TrustsEveryone(pub IpNet);

impl TrustedPeers {
    /// From networks. IPv4-mapped IPv6 networks count as their IPv4 form.
    ///
    /// A whole address family, also when put together from halves, is refused unless `everyone` insists.
    pub fn new(
        nets: impl IntoIterator<Item = IpNet>,
        unix: bool,
        everyone: TrustEveryone,
    ) -> Result<Self, TrustsEveryone> {
        let nets: Vec<IpNet> = nets.into_iter().map(unmap_net).collect();
        let nets = IpNet::aggregate(&nets);
        match nets.iter().find(|net| net.prefix_len() == 0) {
            Some(net) if everyone == TrustEveryone::Refuse => Err(TrustsEveryone(*net)),
            _ => Ok(Self { nets, unix }),
        }
    }

    /// Nobody.
    pub const fn nobody() -> Self {
        Self { nets: Vec::new(), unix: false }
    }

    /// Whether this peer is believed.
    pub fn contains(&self, peer: Peer) -> bool {
        match peer {
            Peer::Unix => self.unix,
            Peer::Ip(address) => self.contains_address(address),
        }
    }

    fn contains_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.nets.iter().any(|net| net.contains(&address))
    }
}

/// Loopback and Unix sockets.
impl Default for TrustedPeers {
    fn default() -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 0]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        let nets = loopback.into_iter().zip([8, 128]);
        Self { nets: nets.filter_map(|(ip, length)| IpNet::new(ip, length).ok()).collect(), unix: true }
    }
}

/// `::ffff:a.b.c.d/n` as the IPv4 network it means; anything else as it is, host bits cleared.
pub(crate) fn unmap_net(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net.trunc() };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    match mapped.and_then(|(v4, length)| Ipv4Net::new(v4, length).ok()) {
        Some(v4) => IpNet::V4(v4.trunc()),
        None => net.trunc(),
    }
}

/// Why the client's address cannot be told. The check is refused then; a rule about networks is
/// never skipped because of it (authentik CVE-2024-47070).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// An element between the trusted proxies and the client is no address.
    #[error("X-Forwarded-For holds an element that is not an address")]
    Malformed,
    /// More than [`MAX_CHAIN`] elements.
    #[error("X-Forwarded-For holds more than 32 addresses")]
    TooLong,
}

/// The client's address: the right-most element of the chain that is not a trusted proxy (HDR-2).
///
/// An untrusted peer is the client itself, whatever it claims. With a trusted peer the chain is read from
/// the right; what stands left of the client was written by it and is not looked at, only counted.
/// When all are trusted the left-most is the client. `None`: a Unix peer that named nobody.
/// `lines` are the header's lines in the order of arrival. The answer is never an IPv4-mapped address.
pub fn client_address<'a>(
    peer: Peer,
    lines: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &TrustedPeers,
) -> Result<Option<IpAddr>, ChainError> {
    let mut client = match peer {
        Peer::Ip(address) => Some(address.to_canonical()),
        Peer::Unix => None,
    };
    if !trusted.contains(peer) {
        return Ok(client);
    }
    let mut count = 0;
    let mut found = false;
    for line in lines.rev().filter(|line| !line.trim_matches([' ', '\t']).is_empty()) {
        for element in line.rsplit(',') {
            count += 1;
            if count > MAX_CHAIN {
                return Err(ChainError::TooLong);
            }
            if !found {
                let address =
                    parse_element(element.trim_matches([' ', '\t'])).ok_or(ChainError::Malformed)?;
                client = Some(address);
                found = !trusted.contains_address(address);
            }
        }
    }
    Ok(client)
}

/// `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:567`. Some proxies add the port.
fn parse_element(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    let address = plain.or_else(|| {
        if let Some(inner) = text.strip_prefix('[') {
            let (address, rest) = inner.split_once(']')?;
            (rest.is_empty() || is_port(rest.strip_prefix(':')?)).then_some(())?;
            address.parse().ok().map(IpAddr::V6)
        } else {
            let (address, port) = text.split_once(':')?;
            is_port(port).then_some(())?;
            address.parse().ok().map(IpAddr::V4)
        }
    })?;
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// What attempts are counted by: one IPv4 address, one IPv6 /64 (a household has that many), or the
/// Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKey {
    /// A whole IPv4 address.
    V4([u8; 4]),
    /// The first eight bytes of an IPv6 address.
    V6([u8; 8]),
    /// No address: a Unix peer.
    Local,
}

impl SourceKey {
    /// The key of a client address as [`client_address`] gives it.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Local,
            Some(IpAddr::V4(v4)) => Self::V4(v4.octets()),
            Some(IpAddr::V6(v6)) => Self::V6(v6.octets().first_chunk().copied().unwrap_or_default()),
        }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(octets) => IpAddr::from(*octets).fmt(f),
            Self::V6(prefix) => {
                let mut octets = [0; 16];
                octets[..8].copy_from_slice(prefix);
                write!(f, "{}/64", IpAddr::from(octets))
            }
            Self::Local => f.write_str("local"),
        }
    }
}

#[cfg(test)]
mod tests;
