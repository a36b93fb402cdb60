//! `vouchsafe serve`

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failure, runtime};
use crate::{
    boot::{House, LoadSettings, Opened},
    config::LogFormat,
    serve::{Stopped, logging},
    world::World,
};

pub(super) fn serve(load: &LoadSettings) -> Result<(), Failure> {
    let settings = load().map_err(Failure::from)?;
    let format = match settings.log.format {
        LogFormat::Json => logging::Format::Json,
        LogFormat::Text => logging::Format::Text,
    };
    let dial = logging::init(format, &settings.log.level, std::io::stderr())?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let (portal, api) = (settings.gateway.public_url.to_string(), settings.api.public_url.to_string());
    runtime()?.block_on(async {
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let world = World::reaching(settings.outlets.clone());
        let house = House::open(settings, world)?;
        let opened = house.prepare().await?;
        let told = stop.clone();
        let serving = house.serve(load.clone(), Some(dial), stop, |addresses| {
            greet(&portal, &api, &opened, addresses);
        });
        tokio::pin!(serving);
        let stopped = tokio::select! {
            stopped = &mut serving => stopped?,
            _ = terminate.recv() => { told.cancel(); serving.await? }
            _ = interrupt.recv() => { told.cancel(); serving.await? }
        };
        match stopped {
            Stopped::Drained => tracing::info!("stopped"),
            Stopped::Cut(open) => tracing::warn!(open, "stopped; connections were cut"),
        }
        Ok(())
    })
}

/// What a person who has just started the program wants to know.
fn greet(portal: &str, api: &str, opened: &Opened, addresses: &[(&'static str, String)]) {
    for (name, address) in addresses {
        tracing::info!(listener = name, address, "listening");
    }
    say!("vouchsafe is ready.");
    say!("  sign-in and apps   {portal}");
    say!("  API documents      {}/openapi/simple", api.trim_end_matches('/'));
    if let Some(link) = &opened.setup_link {
        say!();
        say!("There is no account yet. Create the first one here (once, within 24 hours):");
        say!("  {}", link.expose());
    }
}
