//! What the configuration declares, made true at start and at every reload: accounts and clients together or not at all.

use crate::{
    actions::{Actions, declared::Reconciled},
    config::Settings,
    domain::{call::Call, fault::Fault},
    idp::oauth2,
};

/// Makes the declared accounts and clients true in one transaction (security.md OPS-22). The clients' keys come before, which changes
/// nothing for anybody.
pub(super) async fn reconcile(
    actions: &Actions,
    engine: &oauth2::Engine,
    call: &Call,
    settings: &Settings,
) -> Result<Reconciled, Fault> {
    let accounts = actions.reconciliation(call, settings.accounts.clone());
    let clients = engine.reconciliation(call, settings.clients.clone()).await?;
    let written = actions.store().write(move |tx| {
        let done = accounts.apply(tx)?;
        clients.apply(tx)?;
        Ok::<_, Fault>(done)
    });
    written.await
}
