//! What every request is checked for and brought into, once hyper has parsed it and before any service sees it.

use http::{HeaderValue, Method, Request, StatusCode, Uri, Version, header, uri::Authority};

use super::limits::Limits;

/// Refuses what no surface wants to see and brings the rest into one form.
///
/// # Errors
/// The status to refuse with.
pub(super) fn admit<B>(request: &mut Request<B>, limits: &Limits) -> Result<(), StatusCode> {
    let uri = request.uri();
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.request_line) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    // CONNECT would make us a tunnel, TRACE a mirror for cookies (security.md WEB-12). A method name is a token of any length.
    let method = request.method();
    if method == Method::CONNECT || method == Method::TRACE || method.as_str() == "TRACK" {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if method.as_str().len() > LONGEST_METHOD {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    if request.headers().len() > limits.header_count {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if uri.authority().is_some() {
        settle_authority(request)?;
    } else if request.version() == Version::HTTP_2 {
        one_host(request)?;
    }
    // `*` names the server, not a resource; no surface answers for it.
    if request.uri().path().starts_with('/') { Ok(()) } else { Err(StatusCode::BAD_REQUEST) }
}

/// The target names a host itself: absolute form in HTTP/1, `:authority` in HTTP/2. Two names for one host are an attack on
/// whoever reads the other one (OPS-1).
fn settle_authority<B>(request: &mut Request<B>) -> Result<(), StatusCode> {
    let named = request.uri().authority().map(Authority::as_str).unwrap_or_default();
    if named.contains('@') || !matches!(request.uri().scheme_str(), None | Some("http" | "https")) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let value = HeaderValue::from_str(named).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => {
            request.headers_mut().insert(header::HOST, value);
        }
        (Some(host), None) if host.as_bytes().eq_ignore_ascii_case(value.as_bytes()) => {}
        _ => return Err(StatusCode::BAD_REQUEST),
    }
    let origin_form = request.uri().path_and_query().cloned().map(Uri::from);
    *request.uri_mut() = origin_form.unwrap_or_default();
    Ok(())
}

/// HTTP/2 may name the host in the field alone (RFC 9113 section 8.3.1); HTTP/1 is checked as bytes.
fn one_host<B>(request: &Request<B>) -> Result<(), StatusCode> {
    match request.headers().get_all(header::HOST).iter().count() {
        1 => Ok(()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// The longest registered method (`UPDATEREDIRECTREF`) has 17 letters.
const LONGEST_METHOD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(method: &str, uri: &str, hosts: &[&str]) -> Result<(String, String), u16> {
        let mut request = Request::builder().method(method).uri(uri).version(Version::HTTP_2);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(()).unwrap();
        admit(&mut request, &Limits::default()).map_err(|status| status.as_u16())?;
        let host = request.headers()[header::HOST].to_str().unwrap().to_owned();
        Ok((request.uri().to_string(), host))
    }

    /// Proves: OPS-1
    #[test]
    fn a_request_has_one_host() {
        let settled = |host: &str| Ok(("/a?b".to_owned(), host.to_owned()));
        assert_eq!(admitted("GET", "https://a.example/a?b", &[]), settled("a.example"));
        assert_eq!(admitted("GET", "https://A.example/a?b", &["a.EXAMPLE"]), settled("a.EXAMPLE"));
        assert_eq!(admitted("GET", "/a?b", &["a.example"]), settled("a.example"));
        assert_eq!(admitted("GET", "https://a.example/", &["b.example"]), Err(400));
        assert_eq!(admitted("GET", "https://a.example/", &["a.example", "a.example"]), Err(400));
        assert_eq!(admitted("GET", "https://u@a.example/", &[]), Err(400));
        assert_eq!(admitted("GET", "ftp://a.example/", &[]), Err(400));
        assert_eq!(admitted("GET", "/", &[]), Err(400));
        assert_eq!(admitted("GET", "/", &["a.example", "b.example"]), Err(400));
    }

    /// Proves: WEB-12
    #[test]
    fn tunnels_and_mirrors_are_refused() {
        assert_eq!(admitted("TRACE", "/", &["a"]), Err(405));
        assert_eq!(admitted("TRACK", "/", &["a"]), Err(405));
        assert_eq!(admitted("CONNECT", "a.example:443", &["a"]), Err(405));
        assert_eq!(admitted("OPTIONS", "*", &["a"]), Err(400));
        assert_eq!(admitted(&"X".repeat(33), "/", &["a"]), Err(501));
    }

    /// Proves: OPS-2
    #[test]
    fn sizes_are_bounded() {
        let longest = format!("/{}", "a".repeat(8 * 1024 - 1));
        assert!(admitted("GET", &longest, &["a"]).is_ok());
        assert_eq!(admitted("GET", &format!("{longest}a"), &["a"]), Err(414));
        assert_eq!(admitted("GET", "/", &["a"; 101]), Err(431));
    }
}
