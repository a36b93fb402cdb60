//! Settings of the file → settings of the surfaces.

use std::{collections::HashMap, sync::Arc};

use http::HeaderName;

use crate::{
    actions::Actions,
    chores::delivery::Postman,
    config::{self, PersonField, Preset, Settings},
    store::Store,
    values::host::Scheme,
    web::{
        self, Surface,
        edge::{cookies::CookieSettings, peer::ProxyTrust},
        metrics::Metrics,
        simple,
        vouch::{
            self,
            identity::{self, IdentityField, IdentityHeaders},
        },
    },
    world::World,
};

pub(super) fn web(settings: &Settings) -> web::Settings {
    web::Settings {
        portal: settings.gateway.public_url.clone(),
        api: settings.api.public_url.clone(),
        title: settings.portal.title.clone(),
        home: settings.portal.home.clone(),
        cookies: CookieSettings {
            name: settings.cookie.name.clone(),
            domain: settings.cookie.domain.clone(),
            secure: settings.gateway.public_url.scheme() == Scheme::Https,
            prefix: settings.cookie.prefix,
        },
        simple: simple::Settings {
            api_keys: settings.simple.api_keys,
            name_check: settings.simple.name_check,
            credentials_check: match &settings.simple.credentials_check {
                config::CredentialsCheck::Off => simple::CredentialsCheck::Off,
                config::CredentialsCheck::Secret(secrets) => {
                    simple::CredentialsCheck::Secret(secrets.clone())
                }
                config::CredentialsCheck::Open => simple::CredentialsCheck::Open,
            },
        },
        trust: ProxyTrust { peers: settings.proxies.peers.clone(), secret: settings.proxies.secret.clone() },
        largest_body: settings.largest_body,
        body_deadline: settings.limits.body_read,
    }
}

pub(super) fn vouch(settings: &Settings) -> vouch::Settings {
    // Simple Auth's own header goes with every set, so that no proxy leaves a client's in place (security.md VCH-6).
    let set = |mut headers: Vec<(HeaderName, IdentityField)>| {
        headers.extend(settings.vouch.user_header.iter().map(|name| (name.clone(), IdentityField::Id)));
        IdentityHeaders::new(headers, text(settings.vouch.text))
    };
    let own = settings.apps.iter().filter_map(|app| {
        let presets = app.headers.as_ref()?;
        Some((app.name.clone(), set(named(presets))))
    });
    let mut headers = named(&settings.vouch.presets);
    headers.extend(settings.vouch.custom.iter().map(|(name, fact)| (name.clone(), field(*fact))));
    vouch::Settings {
        session_only: settings.vouch.session_only,
        identity: set(headers),
        per_app: own.collect::<HashMap<_, _>>(),
        preflight: settings
            .apps
            .iter()
            .filter(|app| app.preflights_pass)
            .map(|app| app.name.clone())
            .collect(),
    }
}

pub(super) const fn surface(surface: config::Surface) -> Surface {
    match surface {
        config::Surface::Portal => Surface::Portal,
        config::Surface::Simple => Surface::Simple,
        config::Surface::Vouch => Surface::Vouch,
        config::Surface::Apps => Surface::Apps,
        config::Surface::Health => Surface::Health,
        config::Surface::OpenApi => Surface::OpenApi,
    }
}

fn named(presets: &[Preset]) -> Vec<(HeaderName, IdentityField)> {
    let preset = |preset: &Preset| match preset {
        Preset::Remote => identity::Preset::Remote,
        Preset::XAuthRequest => identity::Preset::XAuthRequest,
        Preset::XForwarded => identity::Preset::XForwarded,
    };
    presets.iter().flat_map(|name| preset(name).headers()).collect()
}

const fn field(field: PersonField) -> IdentityField {
    match field {
        PersonField::User => IdentityField::User,
        PersonField::Id => IdentityField::Id,
        PersonField::Name => IdentityField::Name,
        PersonField::Email => IdentityField::Email,
        PersonField::Groups => IdentityField::Groups,
    }
}

const fn text(text: config::HeaderText) -> identity::HeaderText {
    match text {
        config::HeaderText::Utf8 => identity::HeaderText::Utf8,
        config::HeaderText::Percent => identity::HeaderText::Percent,
        config::HeaderText::Omit => identity::HeaderText::Omit,
    }
}

/// Delivery speaks the words in force and is counted.
pub(super) fn postman(store: &Store, world: &World, actions: &Actions, metrics: &Arc<Metrics>) -> Postman {
    let (asked, metrics) = (actions.clone(), metrics.clone());
    Postman::new(
        store.clone(),
        world.clone(),
        actions.keyring(),
        Arc::new(move || asked.settings().letters.clone()),
        Arc::new(move |channel, fate| metrics.posted(channel.as_str(), fate.as_str())),
    )
}
