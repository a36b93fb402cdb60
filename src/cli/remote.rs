//! Carrying a command out: by the running server, else here.

use std::{io::ErrorKind, path::Path};

use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{Failure, args::Args, runtime, settings};
use crate::{
    boot::House,
    web::control::{self, Command, Refused, Reply},
    world::World,
};

/// Longest answer that is read.
const LONGEST: usize = 64 * 1024 * 1024;

pub(super) fn execute(args: &Args, command: Command) -> Result<Reply, Failure> {
    let settings = settings(args)?;
    runtime()?.block_on(async {
        if let Some(socket) = server(&settings.control_socket).await? {
            return ask_server(socket, &command).await;
        }
        if !settings.store.path.exists() && !creates(&command) {
            return Err(Failure::from(no_store(&settings.store.path)));
        }
        let world = World::reaching(settings.outlets.clone());
        let house = House::open(settings, world)?;
        let call = house.actions().inside();
        let reply = house.operator().execute(&call, command).await;
        house.close().await;
        reply.map_err(|fault| Failure::from(Refused::from(&fault).message))
    })
}

/// Carries many commands out, one after the other, and shows each reply.
pub(super) fn execute_each(
    args: &Args,
    commands: Vec<Command>,
    mut show: impl FnMut(Reply) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = settings(args)?;
    runtime()?.block_on(async {
        if server(&settings.control_socket).await?.is_some() {
            for command in commands {
                let socket = UnixStream::connect(&settings.control_socket).await?;
                show(ask_server(socket, &command).await?)?;
            }
            return Ok(());
        }
        let world = World::reaching(settings.outlets.clone());
        let house = House::open(settings, world)?;
        let mut outcome = Ok(());
        for command in commands {
            let call = house.actions().inside();
            let reply = house.operator().execute(&call, command).await;
            outcome = reply.map_err(|fault| Failure::from(Refused::from(&fault).message)).and_then(&mut show);
            if outcome.is_err() {
                break;
            }
        }
        house.close().await;
        outcome
    })
}

/// The running server, if there is one.
async fn server(socket: &Path) -> Result<Option<UnixStream>, Failure> {
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Some(stream)),
        // It may well run; whoever may not ask it may not open its store either.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure(format!(
            "{} may not be opened by this user; run the command as the user that the server runs as (or remove the socket \
             if no server runs)",
            socket.display()
        ))),
        Err(_) => Ok(None),
    }
}

/// Only these begin a store where there is none.
fn creates(command: &Command) -> bool {
    matches!(command, Command::AccountAdd { .. } | Command::GroupAdd { .. })
}

fn no_store(path: &Path) -> String {
    format!(
        "there is no running server and no store at {}; give --config or --data-dir as for `serve`",
        path.display()
    )
}

async fn ask_server(socket: UnixStream, command: &Command) -> Result<Reply, Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let request = Request::post(control::PATH)
        .header(header::HOST, "control")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(serde_json::to_vec(command)?)))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let done = response.status().is_success();
        let body =
            Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| error.to_string())?;
        Ok::<_, Failure>((done, body.to_bytes()))
    };
    let (done, body) = tokio::select! {
        biased;
        answered = answered => answered?,
        ended = connection => {
            ended?;
            return Err("the server closed the connection without an answer".into());
        }
    };
    if done {
        return Ok(serde_json::from_slice(&body)?);
    }
    let refused: Refused =
        serde_json::from_slice(&body).map_err(|_| "the server refused without saying why")?;
    Err(Failure::from(refused.message))
}
