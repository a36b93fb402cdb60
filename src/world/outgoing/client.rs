//! The real client: resolves once, looks at every address, connects to what it looked at.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;
use tokio::{net::TcpStream, time::timeout};
use tower::Service;

use super::{
    Answer, CONNECT, HttpClient, HttpError, LARGEST, Outgoing, Reach, Settings, TOTAL, lanes::Lanes,
};
use crate::world::outlet::Doing;

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Asks other houses over real sockets.
pub(crate) struct Client {
    settings: Settings,
    /// Made when first needed: a machine without certificates can do all that needs none.
    tls: OnceLock<Arc<ClientConfig>>,
    lanes: Lanes,
    /// For connecting, and for everything.
    pub(super) limits: [Duration; 2],
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, tls: OnceLock::new(), lanes: Lanes::default(), limits: [CONNECT, TOTAL] }
    }

    async fn exchange(&self, request: Outgoing) -> Result<Answer, HttpError> {
        let place = Place::of(&request.url)?;
        let lane = format!("{}:{}", place.host, place.port);
        let _turn = self.lanes.turn(&lane).await.ok_or_else(|| HttpError::Busy(lane.clone()))?;
        let wants = request.wants;
        let stream = timeout(self.limits[0], self.connect(&place)).await.map_err(|_| HttpError::Slow)??;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(HttpError::broken)?;
        let answered = async {
            let response = sender.send_request(place.request(request)?).await.map_err(HttpError::broken)?;
            let (head, body) = response.into_parts();
            if let Some(kind) = wants
                && head.status.is_success()
                && !is_kind(head.headers.get(header::CONTENT_TYPE), kind)
            {
                return Err(HttpError::Kind(kind));
            }
            let body = Limited::new(body, LARGEST).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    HttpError::TooLarge
                } else {
                    HttpError::Broken(error.to_string())
                }
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::pin!(answered);
        tokio::select! {
            biased;
            answered = &mut answered => answered,
            // It drives the exchange. When it ends in good order, the end of the answer is still on its way to us.
            ended = connection => match ended {
                Ok(()) => answered.await,
                Err(error) => Err(HttpError::broken(error)),
            },
        }
    }

    async fn connect(&self, place: &Place) -> Result<Stream, HttpError> {
        let addresses = place.resolve().await?;
        let reach = &self.settings.reach;
        place.check(&addresses, reach)?;
        let tcp = Dialled(addresses);
        let tls = if place.encrypted { self.tls(place)? } else { Arc::new(no_tls(place)?) };
        let mut connector = HttpsConnector::from((tcp, tls));
        connector.call(place.uri.clone()).await.map_err(|error| place.unreachable(&error))
    }

    fn tls(&self, place: &Place) -> Result<Arc<ClientConfig>, HttpError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = self.settings.roots.iter().map(|der| CertificateDer::from(der.clone()));
        let made = Verifier::new_with_extra_roots(roots, provider.clone()).and_then(|verifier| {
            let builder =
                ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            // "Dangerous" is any verifier of one's own choosing; this one is the operating system's.
            Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
        });
        let made = Arc::new(made.map_err(|error| place.unreachable(&error))?);
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

/// For a connection that is not encrypted: trusts nobody, because it is never asked.
fn no_tls(place: &Place) -> Result<ClientConfig, HttpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| place.unreachable(&error))?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

impl HttpClient for Client {
    fn send(&self, request: Outgoing) -> Doing<'_, Result<Answer, HttpError>> {
        Box::pin(async move {
            timeout(self.limits[1], self.exchange(request)).await.unwrap_or(Err(HttpError::Slow))
        })
    }
}

impl HttpError {
    fn broken(error: hyper::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Where a request goes.
struct Place {
    host: String,
    port: u16,
    encrypted: bool,
    uri: Uri,
}

impl Place {
    fn of(url: &url::Url) -> Result<Self, HttpError> {
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(HttpError::Address),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HttpError::Address);
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(HttpError::Address);
        };
        let uri = url.as_str().parse().map_err(|_| HttpError::Address)?;
        Ok(Self { host: host.to_owned(), port, encrypted, uri })
    }

    /// The one time the name is looked up.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, HttpError> {
        let literal = self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = literal {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let unknown = |error: String| HttpError::Unknown { host: self.host.clone(), error };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<_> = found.map_err(|error| unknown(error.to_string()))?.collect();
        if found.is_empty() { Err(unknown("it has no address".to_owned())) } else { Ok(found) }
    }

    /// One address inside spoils the name: who answers so is no public service.
    fn check(&self, addresses: &[SocketAddr], reach: &Reach) -> Result<(), HttpError> {
        let host = || self.host.clone();
        if let Some(address) = addresses.iter().map(SocketAddr::ip).find(|address| !reach.permits(*address)) {
            return Err(HttpError::Forbidden { host: host(), address: address.to_canonical() });
        }
        if !self.encrypted && !addresses.iter().all(|address| reach.is_allowed(address.ip())) {
            return Err(HttpError::Unencrypted { host: host() });
        }
        Ok(())
    }

    fn request(&self, request: Outgoing) -> Result<Request<Full<Bytes>>, HttpError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str());
        let host = HeaderValue::try_from(authority).map_err(|_| HttpError::Address)?;
        let mut out = Request::builder().method(request.method).uri(path);
        if let Some(headers) = out.headers_mut() {
            *headers = request.headers;
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::TRANSFER_ENCODING);
            headers.insert(header::HOST, host);
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static("vouchsafe"));
            if let Some(kind) = request.wants {
                headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static(kind));
            }
        }
        out.body(Full::new(request.body)).map_err(|_| HttpError::Address)
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> HttpError {
        HttpError::Connect { host: self.host.clone(), error: error.to_string() }
    }
}

fn is_kind(value: Option<&HeaderValue>, wanted: &str) -> bool {
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// The lowest layer of a connection: to addresses that were looked at, and to no other.
#[derive(Clone)]
struct Dialled(Vec<SocketAddr>);

impl Service<Uri> for Dialled {
    type Response = TokioIo<TcpStream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let addresses = self.0.clone();
        Box::pin(async move {
            let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
            for address in addresses.into_iter().take(MOST_ADDRESSES) {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(TokioIo::new(stream)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        })
    }
}
