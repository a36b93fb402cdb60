//! `/auth/vouch` for the document: it is answered by `web::vouch`, before any router.

use serde_json::json;

use super::views::{ErrorView, OkView};
use crate::web::family::{Access, Answered, Handler, Route, Shape, Signature, Verb};

pub(super) const ROUTES: &[Route] = &[Route {
    method: Verb::Get,
    path: "/auth/vouch",
    access: Access::Session,
    id: "vouch",
    summary: "Check whether the user is signed in, for proxies and programs",
    about: "Without a proxy's headers the session alone is judged. Proxies use `/auth/vouch/request` (nginx) and `/auth/vouch/forward` \
            (Traefik, Caddy), which know the request that is asked about; see the guide. Where rules ask for more than a session this plain \
            form refuses with 403, unless it was told not to. It reads no body and answers every method alike.",
    refusals: &[],
    handler: Handler::elsewhere(describe),
}];

fn describe(signature: &mut Signature) {
    let parameter = |name: &str, about: &str, schema: serde_json::Value| json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema });
    signature.answers_anybody = true;
    signature.parameters = vec![
        parameter(
            "forward",
            "`true` redirects to the login page instead of answering 401; so does anything but nothing, `false` and `0`.",
            json!({ "type": ["boolean", "string"] }),
        ),
        parameter(
            "continue",
            "Where to go after signing in. It must be a declared app or one of `allowed_continue_urls`.",
            json!({ "type": "string" }),
        ),
    ];
    let refused = |status, what| Answered {
        status,
        what,
        media: Some("application/json"),
        shape: Some(Shape::of::<ErrorView>()),
        headers: &[],
    };
    signature.answers = vec![
        Answered {
            status: 200,
            what: "Signed in",
            media: Some("application/json"),
            shape: Some(Shape::of::<OkView>()),
            headers: &[],
        },
        Answered {
            headers: &[("Location", "The login page.")],
            ..refused(307, "Not signed in, and `forward` asked for")
        },
        refused(401, "Not signed in"),
        refused(403, "The rules ask for more than a session, or the headers cannot be believed"),
        refused(503, "The answer is not known at the moment"),
    ];
}
