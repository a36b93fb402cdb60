//! Opening the listeners that the settings name.

use std::{collections::HashMap, sync::Arc};

use super::{BootError, wiring};
use crate::{
    config::{Settings, Site},
    serve::{self, Address, Bound, Exempt, Listener, Tls},
    values::net::Peer,
    web::{Surface, Surfaces},
    world::World,
};

/// What was opened.
pub(super) struct Opened {
    pub(super) bound: Vec<Bound>,
    pub(super) surfaces: HashMap<&'static str, Surfaces>,
    /// The certificates by listener, to be renewed at a reload.
    pub(super) tls: Vec<(&'static str, Tls)>,
}

pub(super) const GATEWAY: &str = "gateway";
pub(super) const API: &str = "api";
const CONTROL: &str = "control";
const METRICS: &str = "metrics";

pub(super) fn open(settings: &Settings) -> Result<Opened, BootError> {
    let mut opened = Opened { bound: Vec::new(), surfaces: HashMap::new(), tls: Vec::new() };
    // First the control socket: if another server of this data folder runs, it is found out here.
    let control =
        Listener { name: CONTROL, address: Address::Unix(settings.control_socket.clone()), tls: None };
    opened.add(&control, [Surface::Control, Surface::Health, Surface::Metrics])?;
    for (name, site) in [(GATEWAY, &settings.gateway), (API, &settings.api)] {
        opened.add_site(name, site)?;
    }
    if let Some(address) = settings.metrics {
        let metrics = Listener { name: METRICS, address: Address::Tcp(address), tls: None };
        opened.add(&metrics, [Surface::Metrics, Surface::Health])?;
    }
    Ok(opened)
}

pub(super) fn serving(settings: &Settings, world: &World) -> serve::Settings {
    let trusted = settings.proxies.peers.clone();
    let exempt: Exempt = Arc::new(move |address| trusted.contains(Peer::Ip(address)));
    serve::Settings {
        limits: settings.limits.clone(),
        exempt,
        seed: u32::from_be_bytes(*world.random().bytes()),
        ..serve::Settings::default()
    }
}

impl Opened {
    fn add_site(&mut self, name: &'static str, site: &Site) -> Result<(), BootError> {
        let tls = site.tls.as_ref().map(|identity| Tls::new(std::slice::from_ref(identity))).transpose()?;
        if let Some(tls) = &tls {
            self.tls.push((name, tls.clone()));
        }
        let listener = Listener { name, address: Address::Tcp(site.listen), tls };
        self.add(&listener, site.surfaces.iter().map(|surface| wiring::surface(*surface)))
    }

    fn add(
        &mut self,
        listener: &Listener,
        surfaces: impl IntoIterator<Item = Surface>,
    ) -> Result<(), BootError> {
        self.bound.push(Bound::bind(listener)?);
        self.surfaces.insert(listener.name, Surfaces::new(surfaces));
        Ok(())
    }
}
