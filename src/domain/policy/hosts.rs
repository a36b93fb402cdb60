//! From host and port to the app that lives there: a hash lookup per label at most.

use std::collections::HashMap;

use crate::values::{
    host::{Host, Scheme},
    pattern::{HostPattern, Hosts, Ports},
};

type Map = HashMap<Box<str>, Vec<(Ports, usize)>, foldhash::fast::RandomState>;

/// Where the apps live, by their position.
#[derive(Debug, Default)]
pub(super) struct HostIndex {
    exact: Map,
    below: Map,
}

impl HostIndex {
    /// Adds a pattern. Gives the app that already has that place, when another one has.
    pub(super) fn insert(&mut self, pattern: &HostPattern, app: usize) -> Result<(), usize> {
        let (map, host) = match pattern.hosts() {
            Hosts::Exact(host) => (&mut self.exact, host),
            Hosts::Below(host) => (&mut self.below, host),
        };
        let slots = map.entry(host.as_str().into()).or_default();
        if let Some((_, owner)) = slots.iter().find(|(ports, _)| clash(*ports, pattern.ports())) {
            return if *owner == app { Ok(()) } else { Err(*owner) };
        }
        slots.push((pattern.ports(), app));
        slots.sort_unstable_by_key(|(ports, _)| rank(*ports));
        Ok(())
    }

    /// The app at this place: an exact host before a wildcard, a longer wildcard before a shorter one,
    /// a named port before any port.
    pub(super) fn find(&self, host: &Host, port: u16, scheme: Scheme) -> Option<usize> {
        let exact = at_port(self.exact.get(host.as_str()), port, scheme);
        if exact.is_some() || self.below.is_empty() || host.is_address() {
            return exact;
        }
        let mut rest = host.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            let found = at_port(self.below.get(parent), port, scheme);
            if found.is_some() {
                return found;
            }
            rest = parent;
        }
        None
    }
}

fn at_port(slots: Option<&Vec<(Ports, usize)>>, port: u16, scheme: Scheme) -> Option<usize> {
    let meant = |ports: &Ports| match ports {
        Ports::Default => port == scheme.default_port(),
        Ports::Exact(own) => *own == port,
        Ports::Any => true,
    };
    slots?.iter().find(|(ports, _)| meant(ports)).map(|(_, app)| *app)
}

/// Whether two patterns for one host mean the same place with the same rank, so that order of
/// declaration would decide. `:*` beside a named port is no clash: the named one wins.
const fn clash(a: Ports, b: Ports) -> bool {
    match (a, b) {
        (Ports::Any, Ports::Any) | (Ports::Default, Ports::Default) => true,
        (Ports::Exact(a), Ports::Exact(b)) => a == b,
        (Ports::Default, Ports::Exact(port)) | (Ports::Exact(port), Ports::Default) => {
            port == Scheme::Http.default_port() || port == Scheme::Https.default_port()
        }
        (Ports::Any, _) | (_, Ports::Any) => false,
    }
}

const fn rank(ports: Ports) -> u8 {
    match ports {
        Ports::Exact(_) => 0,
        Ports::Default => 1,
        Ports::Any => 2,
    }
}
