//! Where we listen: addresses, binding, and taking the next connection.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixStream};

use super::{connection::PeerAddress, tls::Tls, unix::UnixBound};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A socket file, made with mode 0600. A stale one is replaced, a live one is not.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One place where requests come in.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name in the configuration and in logs.
    pub name: &'static str,
    /// Where it listens.
    pub address: Address,
    /// Its certificates; none for plain text. Ignored on a Unix socket.
    pub tls: Option<Tls>,
}

/// A listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for `{name}`: {source}")]
pub struct BindError {
    name: &'static str,
    address: Address,
    source: io::Error,
}

/// An open listener: connections queue in the system until [`run`](super::run()) takes them. Dropping it
/// closes the socket and removes the socket file.
#[derive(Debug)]
pub struct Bound {
    pub(super) name: &'static str,
    pub(super) tls: Option<Tls>,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixBound),
}

/// A connection just accepted.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Bound {
    /// Opens a listener. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address is taken or not ours, or the socket file cannot be made.
    pub fn bind(listener: &Listener) -> Result<Self, BindError> {
        let socket = match &listener.address {
            Address::Tcp(address) => bind_tcp(*address),
            Address::Unix(path) => UnixBound::bind(path).map(Socket::Unix),
        };
        let socket = socket.map_err(|source| BindError {
            name: listener.name,
            address: listener.address.clone(),
            source,
        })?;
        Ok(Self { name: listener.name, tls: listener.tls.clone(), socket })
    }

    /// The listener's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The real address, with the port the system chose.
    pub fn address(&self) -> Address {
        match &self.socket {
            Socket::Tcp(_, address) => Address::Tcp(*address),
            Socket::Unix(unix) => Address::Unix(unix.path().to_owned()),
        }
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener, _) => listener.accept().await.map(|(stream, peer)| {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Accepted::Tcp(stream, peer)
            }),
            Socket::Unix(unix) => unix.accept().await.map(Accepted::Unix),
        }
    }
}

impl Accepted {
    pub(super) const fn peer(&self) -> PeerAddress {
        match self {
            Self::Tcp(_, peer) => PeerAddress::Ip(*peer),
            Self::Unix(_) => PeerAddress::Unix,
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the past to time out.
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it on Linux, which saves a call per connection; a test holds us to that.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok(Socket::Tcp(listener, address))
}

/// Connections the system holds for us while we are busy accepting.
const BACKLOG: u32 = 1024;
