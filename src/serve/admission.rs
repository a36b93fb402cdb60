//! How many connections may be open, in total and per source, and how many there were.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

/// Says which peers are our own proxies: they carry everybody's requests, so no bound on connections applies to them.
pub type Exempt = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Counts of a server, for metrics. Keep a clone of the one given to [`run`](super::run()).
#[derive(Clone, Debug, Default)]
pub struct Figures(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    admitted: AtomicU64,
    turned_away: AtomicU64,
    timed_out: AtomicU64,
    panics: AtomicU64,
}

impl Figures {
    /// Connections open now, upgraded ones included.
    pub fn open(&self) -> usize {
        self.0.open.load(Relaxed)
    }

    /// Connections admitted since start.
    pub fn admitted(&self) -> u64 {
        self.0.admitted.load(Relaxed)
    }

    /// Connections closed at once because there were too many.
    pub fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Relaxed)
    }

    /// Connections cut because the peer took too long; idle ones are not counted.
    pub fn timed_out(&self) -> u64 {
        self.0.timed_out.load(Relaxed)
    }

    /// Requests that ended in a panic, counted when their connection ends.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Relaxed)
    }

    pub(super) fn count_timeout(&self) {
        self.0.timed_out.fetch_add(1, Relaxed);
    }

    pub(super) fn count_panics(&self, panics: u32) {
        self.0.panics.fetch_add(u64::from(panics), Relaxed);
    }
}

/// Hands out places for connections.
#[derive(Clone)]
pub(super) struct Admission(Arc<Inner>);

struct Inner {
    figures: Figures,
    sources: Mutex<HashMap<Source, usize>>,
    most: usize,
    most_per_source: usize,
    exempt: Exempt,
}

impl Admission {
    pub(super) fn new(most: usize, most_per_source: usize, exempt: Exempt, figures: Figures) -> Self {
        Self(Arc::new(Inner { figures, sources: Mutex::default(), most, most_per_source, exempt }))
    }

    /// A place for a connection from `peer` (`None`: a Unix socket, which its file mode guards), or none when full.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Option<Permit> {
        let permit = self.place(peer);
        let counts = &self.0.figures.0;
        let counter = if permit.is_some() { &counts.admitted } else { &counts.turned_away };
        counter.fetch_add(1, Relaxed);
        permit
    }

    fn place(&self, peer: Option<IpAddr>) -> Option<Permit> {
        let source = peer.filter(|ip| !(self.0.exempt)(*ip)).map(Source::of);
        // The permit exists from here on, so every way out of this function gives the place back.
        let mut permit = Permit { inner: Arc::clone(&self.0), source: None };
        let before = self.0.figures.0.open.fetch_add(1, Relaxed);
        if let Some(source) = source {
            if before >= self.0.most {
                return None;
            }
            let mut sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let open = sources.get(&source).copied().unwrap_or(0);
            if open >= self.0.most_per_source {
                return None;
            }
            sources.insert(source, open + 1);
            permit.source = Some(source);
        }
        Some(permit)
    }
}

/// One admitted connection; gives its place back when dropped.
pub(super) struct Permit {
    inner: Arc<Inner>,
    source: Option<Source>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.inner.figures.0.open.fetch_sub(1, Relaxed);
        if let Some(source) = self.source {
            let mut sources = self.inner.sources.lock().unwrap_or_else(PoisonError::into_inner);
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
        let doors = Admission::new(10, 2, Arc::new(|_| false), Figures::default());
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
        let doors = Admission::new(10, 1, Arc::new(|_| false), Figures::default());
        let _held = doors.admit(Some(ip("2001:db8::1"))).unwrap();
        assert!(doors.admit(Some(ip("2001:db8::ffff:1"))).is_none());
        assert!(doors.admit(Some(ip("2001:db8:0:1::1"))).is_some());
    }

    /// Races: connections of a source; connections in total
    /// Proves: OPS-2
    #[test]
    fn of_64_who_come_at_once_as_many_as_allowed_are_let_in() {
        for (most, per_source) in [(10, 100), (100, 10)] {
            let figures = Figures::default();
            let doors = Admission::new(most, per_source, Arc::new(|_| false), figures.clone());
            let start = Arc::new(std::sync::Barrier::new(64));
            let coming: Vec<_> = (0..64)
                .map(|_| {
                    let (doors, start) = (doors.clone(), start.clone());
                    std::thread::spawn(move || {
                        start.wait();
                        doors.admit(Some(ip("192.0.2.1")))
                    })
                })
                .collect();
            let held: Vec<_> = coming.into_iter().filter_map(|one| one.join().unwrap()).collect();
            assert_eq!((held.len(), figures.open(), figures.turned_away()), (10, 10, 54));
        }
    }

    /// Proves: OPS-2
    #[test]
    fn a_full_house_still_lets_proxies_in() {
        let proxy = ip("10.0.0.1");
        let figures = Figures::default();
        let doors = Admission::new(2, 2, Arc::new(move |peer| peer == proxy), figures.clone());
        let mut held = Vec::new();
        held.extend(doors.admit(Some(ip("192.0.2.1"))));
        held.extend(doors.admit(Some(ip("192.0.2.2"))));
        assert!(doors.admit(Some(ip("192.0.2.3"))).is_none());
        held.extend((0..5).filter_map(|_| doors.admit(Some(proxy))));
        held.extend(doors.admit(None));
        assert_eq!((held.len(), figures.open()), (8, 8));
        drop(held);
        assert_eq!((figures.open(), figures.admitted(), figures.turned_away()), (0, 8, 1));
    }
}
