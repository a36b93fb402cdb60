//! How many connections may be open, in total and per source.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Says which peers are our own proxies: they carry everybody's requests, so no bound on connections applies to them.
pub type Exempt = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Counts open connections.
#[derive(Clone)]
pub(super) struct Admission(Arc<Inner>);

struct Inner {
    total: AtomicUsize,
    sources: Mutex<HashMap<Source, usize>>,
    most: usize,
    most_per_source: usize,
    exempt: Exempt,
}

impl Admission {
    pub(super) fn new(most: usize, most_per_source: usize, exempt: Exempt) -> Self {
        Self(Arc::new(Inner {
            total: AtomicUsize::new(0),
            sources: Mutex::default(),
            most,
            most_per_source,
            exempt,
        }))
    }

    /// A place for a connection from `peer` (`None`: a Unix socket, which its file mode guards), or none when full.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Option<Permit> {
        let source = peer.filter(|ip| !(self.0.exempt)(*ip)).map(Source::of);
        let mut permit = Permit { counts: Arc::clone(&self.0), source: None };
        // The permit exists from here on, so every way out of this function gives the place back.
        let before = self.0.total.fetch_add(1, Relaxed);
        if let Some(source) = source {
            if before >= self.0.most {
                return None;
            }
            let mut sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let open = sources.entry(source).or_default();
            if *open >= self.0.most_per_source {
                return None;
            }
            *open += 1;
            permit.source = Some(source);
        }
        Some(permit)
    }

    /// Connections open now.
    pub(super) fn open(&self) -> usize {
        self.0.total.load(Relaxed)
    }
}

/// One admitted connection; gives its place back when dropped.
pub(super) struct Permit {
    counts: Arc<Inner>,
    source: Option<Source>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.counts.total.fetch_sub(1, Relaxed);
        if let Some(source) = self.source {
            let mut sources = self.counts.sources.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(open) = sources.get_mut(&source) {
                *open -= 1;
                if *open == 0 {
                    sources.remove(&source);
                }
            }
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Those who share a bound: one IPv4 address, or one IPv6 /64, which is what a single customer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(u64, bool);

impl Source {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(u64::from(ip.to_bits()), false),
            IpAddr::V6(ip) => Self(u64::try_from(ip.to_bits() >> 64).unwrap_or_default(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Proves: OPS-2
    #[test]
    fn a_source_has_its_own_bound_and_gets_places_back() {
        let doors = Admission::new(10, 2, Arc::new(|_| false));
        let first = doors.admit(Some(ip("192.0.2.1"))).unwrap();
        let _second = doors.admit(Some(ip("192.0.2.1"))).unwrap();
        assert!(doors.admit(Some(ip("192.0.2.1"))).is_none());
        assert!(doors.admit(Some(ip("::ffff:192.0.2.1"))).is_none());
        assert!(doors.admit(Some(ip("192.0.2.2"))).is_some());
        drop(first);
        assert!(doors.admit(Some(ip("192.0.2.1"))).is_some());
    }

    #[test]
    fn an_ipv6_customer_is_one_source() {
        let doors = Admission::new(10, 1, Arc::new(|_| false));
        let _held = doors.admit(Some(ip("2001:db8::1"))).unwrap();
        assert!(doors.admit(Some(ip("2001:db8::ffff:1"))).is_none());
        assert!(doors.admit(Some(ip("2001:db8:0:1::1"))).is_some());
    }

    /// Proves: OPS-2
    #[test]
    fn a_full_house_still_lets_proxies_in() {
        let proxy = ip("10.0.0.1");
        let doors = Admission::new(2, 2, Arc::new(move |peer| peer == proxy));
        let mut held = Vec::new();
        held.extend(doors.admit(Some(ip("192.0.2.1"))));
        held.extend(doors.admit(Some(ip("192.0.2.2"))));
        assert!(doors.admit(Some(ip("192.0.2.3"))).is_none());
        held.extend((0..5).filter_map(|_| doors.admit(Some(proxy))));
        held.extend(doors.admit(None));
        assert_eq!((held.len(), doors.open()), (8, 8));
        drop(held);
        assert_eq!(doors.open(), 0);
    }
}
