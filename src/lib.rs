//! vouchsafe guards web applications: nginx, Traefik and their relatives ask it before each request whether this one may pass.
//!
//! This page is the architecture chapter. What the program is for and how it is put in front of an application stands in
//! `README.md`; which requirement is proven by which test in `integration/requirements.md`, and what is good once
//! in `integration/races.md`.
//!
//! # The idea
//!
//! Small checked values at the bottom, one narrow waist for storage, one domain that holds every rule, thin faces that translate.
//! The domain is synchronous and deterministic: a transaction, a moment and some random bytes go in, a decision comes out. A
//! transaction is a closure that cannot await, so nothing slow or irreversible happens inside it. A refusal is one
//! [`Fault`](domain::fault::Fault): it knows what happened, and the surface it leaves through knows how to say it. Permission is a
//! value that an action asks for in its signature. The check reads memory and writes nothing; what it learns is written
//! later, in batches. Time and chance come from one [`World`](world::World), real or fake.
//!
//! # Rooms and arrows
//!
//! Each module below is a room with one responsibility. A room imports rooms of lower layers, never a neighbour, and of those
//! only the ones listed. `integration/architecture.rs` holds the same table, reads the imports of every file, and fails when the
//! two differ; a new arrow is a line there and a line here.
//!
//! | layer | room | what it does | may import |
//! | --- | --- | --- | --- |
//! | 0 | [`values`] | small checked words: ids, times, secrets, names, hosts, targets | – |
//! | 1 | [`world`] | the outside, real or fake: clock, chance, mail, SMS, outgoing HTTP | values |
//! | 1 | [`crypto`] | pure mathematics on bytes: password hashes, MACs, sealing, signed tokens | values |
//! | 1 | [`store`] | transactions over ordered keys, typed tables, the change feed | values |
//! | 1 | [`serve`] | sockets, TLS, strict HTTP, limits, drain, log lines | values |
//! | 2 | [`domain`] | what is true: accounts, credentials, sessions, rules, refusals | values, crypto, store |
//! | 3 | [`actions`] | one function for each thing that can be asked for | values, world, crypto, store, domain |
//! | 3 | [`idp`] | the protocols by which other programs let us sign people in: OAuth 2.0 | values, world, crypto, store, domain |
//! | 3 | [`gate`] | who is at the door, and may they pass | values, store, domain |
//! | 3 | [`chores`] | what runs by itself: touches, delivery of messages, sweeping | values, world, store, domain |
//! | 4 | [`web`] | the surfaces: parse, call, answer | values, serve, domain, actions, idp, gate |
//! | 5 | [`config`] | the file and the environment become checked settings | values, world, crypto, store, serve, domain, actions, idp, gate |
//! | 6 | [`boot`] | puts the house together, reloads it, stops it in order | values, world, crypto, store, serve, domain, actions, idp, gate, chores, web, config |
//! | 7 | [`cli`] | the command line | values, world, serve, `web::control`, config, boot |
//! | 8 | `main` | arguments in, an exit code out | cli |
//!
//! Inside [`domain`] arrows go one way too: each sub-room imports only those declared before it.
//!
//! Some absences carry the design. `web` never imports `store`: no handler opens a transaction. `domain` never imports `world`
//! or `config`: what is true does not depend on where we run. `serve` never imports `domain`: bytes do not know people. Nobody
//! imports `config` except `boot` and `cli`: each room declares the settings it wants, and can be built in a test without a file.
//! This page re-exports nothing, because a re-export would hide an arrow.
//!
//! # Two straight lines
//!
//! **The check, `GET /auth/vouch/…`**
//!
//! 1. [`serve`] judges the framing and hands the request to [`web::Site`], which answers a check at once: no router, no task.
//! 2. [`Vouch::answer`](web::vouch::Vouch::answer) picks the adapter by path, and reads the original method and address into a
//!    [`Target`](values::target::Target), from believed peers only ([`web::edge::peer`] is the one reader of forwarding headers).
//! 3. [`Gate::recognise`](gate::Gate::recognise) turns cookie values into a [`Presence`](gate::Presence). A wrong shape costs no lookup
//!    and counts as no cookie; a miss in memory reads the store inline. The store's change feed empties the cache before a
//!    writer is told "done", so an ended session is ended at the next check.
//! 4. [`Gate::judge`](gate::Gate::judge) asks [`RuleSet::decide`](domain::policy::RuleSet::decide), a pure function on a rule set that is
//!    swapped whole.
//! 5. The verdict becomes 200 with every identity header once, or 401, 403, or a redirect built from a
//!    [`ReturnTo`](domain::policy::returns::ReturnTo). An error is a refusal; nothing but a pass is 2xx.
//! 6. That the session was used goes into a bounded queue; a full queue drops it. [`chores::touches::round`] writes batches.
//!
//! **Signing in, `POST /auth/session` or the login page**
//!
//! 1. [`web::simple`] or [`web::pages`]: size, content type, our own origin, a form's token; then the body is an
//!    [`Attempt`](actions::login::Attempt) for [`Actions::sign_in`](actions::Actions::sign_in).
//! 2. One read: account, credential, counters. Then a guess is reserved in memory *before* any hashing, so that two hundred
//!    at once are not two hundred guesses ([`actions::login::reservations`], [`domain::login::throttle`]).
//! 3. [`HashingPool::verify`](actions::hashing::HashingPool::verify) on a bounded pool of quiet threads; a full pool is `Busy`, not a queue
//!    without end. An unknown name is checked against a dummy hash. What comes back is a
//!    [`Proof`](crypto::password::Proof), which only a matching password makes, or a miss.
//! 4. One write, [`domain::login::finish`]: the credential must still be the one the proof names; the outcome is a session or a hindrance; an
//!    outdated hash is replaced; the audit entry goes into the same transaction. Closures that wait together share one
//!    durable commit ([`store`]).
//! 5. The answer carries the cookie made by [`web::edge::cookies`], and the way back is checked again when it is used.
//!
//! # What is deliberately absent
//!
//! No await inside a transaction. No clock, chance, environment or file outside their rooms. No domain code that knows HTTP,
//! JSON or TOML. No rule in a surface, no error enum for each route. No side effect before the commit. No mock of the store: tests
//! use its in-memory form, which is the same code. No `unsafe`.
//!
//! # Where to start reading
//!
//! [`values::id`], then [`domain::fault`] and [`domain::session`] for the words; [`store`] for what "written" means; then follow the
//! first line above through [`web::vouch`], [`gate`] and [`domain::policy`]. Every room's page says what it is responsible for,
//! what always holds in it, what is not there, and where to go on.

pub mod actions;
pub mod boot;
pub mod chores;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod gate;
pub mod idp;
pub mod serve;
pub mod store;
pub mod values;
pub mod web;
pub mod world;
