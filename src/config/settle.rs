//! Raw values → [`Settings`], with every complaint on the way.

use std::path::PathBuf;

use super::{
    complaint::Complaints,
    ledger::Ledger,
    raw::Raw,
    sections::{accounts, apps},
    settings::{Settings, Site},
};

/// Settles each section, then what concerns several of them.
pub(crate) fn settle(raw: Raw, mut ledger: Ledger) -> Result<Settings, Complaints> {
    let book = &mut ledger;
    let data_dir = data_dir(&raw, book);
    let gateway = raw.gateway.settle(book);
    let api = raw.api.settle(&raw.gateway, book);
    let control_socket = raw.control.settle(&data_dir, book);
    let metrics = raw.metrics.settle(book);
    let proxies = raw.proxies.settle(book);
    let session = raw.session.settle(gateway.as_ref().map(|site| &site.public_url), book);
    let password = raw.password.settle(book);
    let throttle = raw.throttle.settle(book);
    let vouch = raw.vouch.settle(book);
    let portal = raw.portal.settle(book);
    let cache = raw.cache.settle(book);
    let log = raw.log.settle(book);
    let audit_keep = raw.audit.settle(book);
    let limits = raw.limits.settle(book);
    let apps = apps::settle(&raw.apps, book);
    let accounts = accounts::settle(&raw.accounts, book);
    one_address_each(gateway.as_ref(), api.as_ref(), metrics, book);
    let raw = Box::new(raw);
    let settled = (|| {
        Some(Settings {
            data_dir,
            gateway: gateway?,
            api: api?,
            control_socket,
            metrics,
            proxies: proxies?,
            session: session?,
            password: password?,
            throttle: throttle?,
            vouch: vouch?,
            portal: portal?,
            cache: cache?,
            log: log?,
            audit_keep,
            limits: limits?,
            apps: apps?,
            accounts: accounts?,
            warnings: Vec::new(),
            raw,
        })
    })();
    let (settings, warnings) = ledger.close(settled)?;
    Ok(Settings { warnings, ..settings })
}

fn data_dir(raw: &Raw, ledger: &mut Ledger) -> PathBuf {
    if raw.data_dir.is_empty() || raw.data_dir.contains('\0') {
        ledger.refuse_with("data_dir", "must name a folder", "the default is \"vouchsafe-data\"");
    }
    ledger.path("data_dir", &raw.data_dir)
}

/// Two listeners on one address: the second would fail to start, with a message that names neither key.
fn one_address_each(
    gateway: Option<&Site>,
    api: Option<&Site>,
    metrics: Option<std::net::SocketAddr>,
    ledger: &mut Ledger,
) {
    let gateway = gateway.map(|site| site.listen).filter(|listen| listen.port() != 0);
    let api = api.map(|site| site.listen).filter(|listen| listen.port() != 0);
    if api.is_some() && api == gateway {
        ledger.refuse("api.listen", "is the address of gateway.listen as well");
    }
    if metrics.is_some() && (metrics == gateway || metrics == api) {
        ledger.refuse("metrics.listen", "is the address of another listener as well");
    }
}
