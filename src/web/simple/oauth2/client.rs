//! What anybody may know of a client.

use axum::extract::State;

use super::{bodies::ClientPath, views::ClientView};
use crate::{
    domain::fault::{Fault, Reason},
    web::{
        Shared,
        family::{Answer, Path},
    },
};

/// `GET /auth/oauth2/client/{client_id}`
pub(super) async fn show(
    State(shared): State<Shared>,
    Path(ClientPath(id)): Path<ClientPath>,
) -> Result<Answer<ClientView>, Fault> {
    let found = match id {
        Some(id) => shared.oauth2.public_client(&id)?,
        None => None,
    };
    found.map(|client| Answer::new(client.into())).ok_or_else(|| Fault::new(Reason::NotFound))
}
