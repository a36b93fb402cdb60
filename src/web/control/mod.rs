//! The operator's surface: what the command line asks for, over the control socket or directly on an opened store.
//!
//! **Responsibility.** One [`Command`] per thing the operator can ask, one [`Operator`] that carries them out.
//!
//! **Invariants.** Reaching the socket is the permission: its file has mode 0600. The same [`Operator::execute`] serves the socket and
//! the command line without a server, so both do the same.
//!
//! **Not here.** Arguments and printing (`cli`).
//!
//! **Start reading at** [`Command`].

mod apikeys;
mod clients;
mod command;
mod execute;
mod factors;
mod import;
mod mail;
mod people;

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
};

pub use self::{
    apikeys::{KeyCommand, KeyView},
    clients::{ClientCommand, ClientSecretView, ClientView, ClientWanted},
    command::{AccountView, AuditView, Command, GroupView, MessageView, Refused, Reply, SessionView},
    execute::{Operator, Reload},
    factors::{FactorCommand, FactorsView},
    import::{ForeignAccount, ForeignEntry, ImportView},
    people::{InvitedView, PeopleCommand, StipulationView},
};
use super::{
    edge::rescue::{self, Envelope, status_of},
    simple::{general, slug},
};
use crate::{
    domain::{
        call::Call,
        fault::{Fault, Field},
    },
    serve::limited,
};

/// The path of the one route.
pub const PATH: &str = "/control/v1/command";

/// Largest command, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The routes of the control socket.
pub fn routes(operator: Operator) -> Router {
    let routes = Router::new().route(PATH, post(run));
    rescue::family(routes, ControlEnvelope).with_state(operator)
}

async fn run(State(operator): State<Operator>, call: Call, request: Request) -> Result<Json<Reply>, Fault> {
    let deadline = std::time::Duration::from_secs(30);
    let bytes = limited(request.into_body(), LARGEST, deadline)
        .collect()
        .await
        .map_err(|error| Fault::malformed(Field::Body, "could not be read").because(error))?;
    let command = serde_json::from_slice(&bytes)
        .map_err(|error| Fault::malformed(Field::Body, format!("is no command of this version: {error}")))?;
    operator.execute(&call, command).await.map(Json)
}

struct ControlEnvelope;

impl Envelope for ControlEnvelope {
    fn say(&self, fault: &Fault, _: &str) -> Response {
        (status_of(fault.reason), Json(Refused::from(fault))).into_response()
    }
}

impl From<&Fault> for Refused {
    fn from(fault: &Fault) -> Self {
        let mut message: Vec<String> = fault.flaws.iter().map(|flaw| flaw.message.clone()).collect();
        if message.is_empty() {
            // The operator may know the cause; nobody else reads this.
            message.push(
                fault.because.as_ref().map_or_else(|| general(fault.reason).to_owned(), ToString::to_string),
            );
        }
        Self { reason: slug(fault.reason).to_owned(), message: message.join("; ") }
    }
}
