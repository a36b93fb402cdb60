//! The fence: arrows between rooms go one way, and this test reads the imports to see that they do.
//!
//! The table below is the truth about who may import whom; the crate's front page shows the same table to people, and a test
//! holds the two together. A new arrow is a line here and a line there, for a reviewer to see. What exists for tests only is exempt.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[path = "architecture/imports.rs"]
mod imports;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use imports::{Module, Tree};

/// A room, the layer it lives on, and what it may import: whole rooms, or one place in a room.
struct Room {
    name: &'static str,
    layer: u8,
    imports: &'static [&'static str],
}

const fn room(layer: u8, name: &'static str, imports: &'static [&'static str]) -> Room {
    Room { name, layer, imports }
}

/// The house. Exact: an arrow that is not here is refused, one that nobody uses is taken out.
const ROOMS: &[Room] = &[
    room(0, "values", &[]),
    room(1, "world", &["values"]),
    room(1, "crypto", &["values"]),
    room(1, "store", &["values"]),
    // Down here, although it runs on top of everything: it knows requests and bodies, not what they are about, so that the check
    // can answer in its types without a detour.
    room(1, "serve", &["values"]),
    room(2, "domain", &["values", "crypto", "store"]),
    room(3, "actions", &["values", "world", "crypto", "store", "domain"]),
    room(3, "idp", &["values", "world", "crypto", "store", "domain"]),
    room(3, "gate", &["values", "store", "domain"]),
    // `world` to send messages, which take their time; the other chores are given their moment.
    room(3, "chores", &["values", "world", "store", "domain"]),
    // `serve` for the shape of requests and bodies. The clock is asked through `Actions::world`, nothing else of that room.
    room(4, "web", &["values", "serve", "domain", "actions", "idp", "gate"]),
    // Fills the settings types that the rooms declare; those of `web` are made by `boot`, which knows who listens where.
    room(5, "config", &["values", "world", "crypto", "store", "serve", "domain", "actions", "idp", "gate"]),
    room(
        6,
        "boot",
        &[
            "values", "world", "crypto", "store", "serve", "domain", "actions", "idp", "gate", "chores",
            "web", "config",
        ],
    ),
    // It makes the real world, starts the log, and speaks the operator's commands: nothing else of those rooms.
    room(7, "cli", &["values", "world", "serve", "web::control", "config", "boot"]),
    room(8, "main", &["cli"]),
];

/// Inside `domain` each sub-room imports earlier ones only.
const DOMAIN: &[&str] = &[
    "fault",
    "call",
    "caller",
    "rights",
    "audit",
    "directory",
    "account",
    "credential",
    "client",
    "token",
    "session",
    "challenge",
    "stipulation",
    "apikey",
    "keyring",
    "signing",
    "outbox",
    "letters",
    "factor",
    "login",
    "policy",
];

/// Arrows whose absence carries the design. The table keeps them out; this list keeps them out of the table.
const NEVER: &[(&str, &str, &str)] = &[
    ("web", "store", "no handler opens a transaction"),
    ("cli", "store", "the command line asks the operator's surface"),
    ("domain", "world", "truth does not depend on where we run"),
    ("domain", "config", "truth does not depend on where we run"),
    ("gate", "actions", "who is at the door changes nothing"),
    ("store", "domain", "no engine knows what the bytes mean"),
    ("serve", "domain", "bytes do not know people"),
];

/// Parts of the standard library and the rooms that may touch them.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("std::env", &["cli"]),
    ("std::fs", &["store", "world", "serve", "config", "boot"]),
    ("std::net::TcpListener", &["serve"]),
    // `serve` stamps log lines; nothing is decided by that.
    ("std::time::SystemTime", &["world", "serve"]),
];

/// Files that may name `Set-Cookie`. The values are made by `web/edge/cookies.rs`, which does not need the name.
const SET_COOKIE: &[(&str, &str)] = &[
    ("src/web/edge/rescue.rs", "keeps what was made when a refusal is put into its envelope"),
    ("src/web/family/answer.rs", "appends what cookies.rs made"),
    ("src/web/pages/view.rs", "appends what cookies.rs made"),
    ("src/web/pages/way.rs", "appends what cookies.rs made"),
    ("src/config/sections/vouch.rs", "refuses it as the name of an identity header"),
];

/// The four things every room's front page says.
const HEADINGS: [&str; 4] =
    ["**Responsibility.**", "**Invariants.**", "**Not here.**", "**Start reading at**"];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The library and, as a room of its own, the program.
static HOUSE: LazyLock<Tree> = LazyLock::new(|| {
    let mut house = imports::read(package(), "src/lib.rs", &[]);
    let main = imports::read(package(), "src/main.rs", &["main"]);
    house.modules.extend(main.modules);
    house.files.extend(main.files);
    house
});

/// The room a module belongs to; the crate's root belongs to none.
fn room_of(module: &Module) -> Option<&str> {
    module.place.first().map(String::as_str)
}

fn none<T: Display>(complaints: impl IntoIterator<Item = T>, what: &str) {
    let complaints: Vec<String> = complaints.into_iter().map(|complaint| complaint.to_string()).collect();
    assert!(complaints.is_empty(), "{what}:\n  {}", complaints.join("\n  "));
}

/// Paths into other rooms, as `room::…`, with the module that names them.
fn arrows() -> impl Iterator<Item = (&'static str, String, &'static Module)> {
    HOUSE.modules.iter().filter_map(|module| Some((room_of(module)?, module))).flat_map(|(room, module)| {
        let foreign = module.names.iter().filter(|path| path[0] == "crate");
        let foreign = foreign.filter(move |path| path.get(1).is_some_and(|to| to != room));
        foreign.map(move |path| (room, path[1..].join("::"), module))
    })
}

/// Whether `path` is `place` or inside it.
fn inside(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = ROOMS.iter().map(|room| (room.name, room.imports)).collect();
    none(
        arrows().filter_map(|(room, path, module)| {
            let allowed =
                table.get(room).unwrap_or_else(|| panic!("the table does not know the room {room}"));
            let refused = !allowed.iter().any(|place| inside(&path, place));
            refused.then(|| format!("{}: {room} imports {path}", module.file.display()))
        }),
        "arrows that are not in the table",
    );
    none(
        ROOMS.iter().flat_map(|room| room.imports.iter().map(|place| (room.name, *place))).filter_map(
            |(name, place)| {
                let used = arrows().any(|(room, path, _)| room == name && inside(&path, place));
                (!used).then(|| format!("{name} → {place}"))
            },
        ),
        "arrows of the table that nobody uses",
    );
}

#[test]
fn the_table_points_down_and_lists_every_room() {
    let layer: BTreeMap<_, _> = ROOMS.iter().map(|room| (room.name, room.layer)).collect();
    assert_eq!(layer.len(), ROOMS.len(), "a room stands in the table twice");
    none(
        ROOMS.iter().flat_map(|room| room.imports.iter().map(move |place| (room, *place))).filter_map(
            |(room, place)| {
                let to = place.split("::").next().unwrap();
                (layer[to] >= room.layer).then(|| format!("{} → {place}", room.name))
            },
        ),
        "arrows to a neighbour or upwards; without those there is no cycle either",
    );
    let declared: BTreeSet<&str> = HOUSE.modules.iter().filter_map(room_of).collect();
    assert_eq!(declared, layer.keys().copied().collect());
}

#[test]
fn the_absences_hold() {
    none(
        NEVER.iter().filter_map(|(from, to, reason)| {
            let room = ROOMS.iter().find(|room| room.name == *from).expect("a room of the table");
            let allowed = room.imports.iter().any(|place| inside(place, to));
            allowed.then(|| format!("{from} → {to}: {reason}"))
        }),
        "arrows that must never be",
    );
    // `Actions` hands out its store, for the chores that `boot` starts; a handler that asked for it would need no import.
    let opened =
        HOUSE.modules.iter().filter(|module| room_of(module) == Some("web") && module.asks.contains("store"));
    none(opened.map(|module| module.file.display()), "surfaces that reach for the store");
    let readers = ROOMS.iter().filter(|room| room.imports.contains(&"config")).map(|room| room.name);
    assert_eq!(
        readers.collect::<Vec<_>>(),
        ["boot", "cli"],
        "only who starts the house knows its configuration"
    );
}

#[test]
fn inside_the_domain_arrows_go_one_way_too() {
    let rank = |name: &str| DOMAIN.iter().position(|sub| *sub == name);
    let mut complaints = Vec::new();
    for module in HOUSE.modules.iter().filter(|module| room_of(module) == Some("domain")) {
        let Some(from) = module.place.get(1) else { continue };
        let own = rank(from).unwrap_or_else(|| panic!("the order does not know domain::{from}"));
        for path in module.names.iter().filter(|path| path.len() > 2 && path[..2] == ["crate", "domain"]) {
            // A name that is no sub-room would be a re-export of `domain` itself, which hides an arrow.
            if rank(&path[2]).is_none_or(|to| to > own) {
                complaints.push(format!(
                    "{}: domain::{from} imports {}",
                    module.file.display(),
                    path.join("::")
                ));
            }
        }
    }
    none(complaints, "arrows against the order");
    let text = fs::read_to_string(package().join("src/domain/mod.rs")).unwrap();
    let declared: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, DOMAIN, "domain/mod.rs declares its sub-rooms in their order");
}

/// A re-export or a glob would let a room reach another under a name that the table does not see.
#[test]
fn nothing_hides_an_arrow() {
    let foreign = |module: &Module, path: &[String]| {
        path[0] == "crate" && path.get(1).map(String::as_str) != room_of(module)
    };
    let mut complaints = Vec::new();
    for module in &HOUSE.modules {
        let complain =
            |path: &Vec<String>, what: &str| format!("{}: {what} {}", module.file.display(), path.join("::"));
        complaints
            .extend(module.hands_on.iter().filter(|p| foreign(module, p)).map(|p| complain(p, "hands on")));
        // `use settings::*` from the module's own child is no secret; a whole room or an ancestor is.
        let wide = |p: &&Vec<String>| p[0] == "crate" && p.len() <= module.place.len() + 1;
        complaints.extend(module.globs.iter().filter(wide).map(|p| complain(p, "imports all of")));
    }
    none(complaints, "hidden arrows");
    let root = HOUSE.modules.iter().find(|module| module.place.is_empty()).expect("lib.rs");
    assert!(root.kinds.iter().all(|kind| *kind == "mod"), "lib.rs declares rooms and nothing else");
}

#[test]
fn the_outside_is_touched_only_where_it_is_said() {
    let mut complaints = Vec::new();
    for (outside, rooms) in OUTSIDE {
        for module in
            HOUSE.modules.iter().filter(|module| room_of(module).is_some_and(|room| !rooms.contains(&room)))
        {
            let names = module.names.iter().map(|path| path.join("::"));
            // `tokio::fs` and `tokio::net` are the same outside under another name.
            let found = names.filter(|path| inside(&path.replacen("tokio::", "std::", 1), outside));
            complaints.extend(found.map(|path| format!("{}: {path}", module.file.display())));
        }
    }
    none(complaints, "touched from the wrong room");
}

/// Proves: SES-4
#[test]
fn one_file_makes_set_cookie() {
    let naming: BTreeSet<PathBuf> = HOUSE
        .modules
        .iter()
        .filter(|module| {
            module.texts.iter().any(|text| text.eq_ignore_ascii_case("set-cookie"))
                || module.names.iter().any(|path| path.last().is_some_and(|name| name == "SET_COOKIE"))
        })
        .map(|module| module.file.clone())
        .collect();
    assert_eq!(naming, SET_COOKIE.iter().map(|(file, _)| PathBuf::from(file)).collect());
}

#[test]
fn every_file_says_what_lives_in_it_and_belongs_to_the_house() {
    let mut there = BTreeSet::new();
    sources(Path::new("src"), &mut there);
    let read = &HOUSE.files;
    none(there.difference(read).map(|file| file.display()), "files that no `mod` reaches");
    none(
        read.iter().filter_map(|file| {
            let text = fs::read_to_string(package().join(file)).unwrap();
            let said = text.trim().is_empty()
                || text.strip_prefix("//! ").is_some_and(|rest| !rest.trim().is_empty());
            (!said).then(|| file.display())
        }),
        "files whose first line does not say what lives there",
    );
}

fn sources(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(package().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
}

#[test]
fn every_front_page_has_its_four_headings() {
    let rooms = ROOMS.iter().map(|room| room.name).filter(|name| *name != "main");
    none(
        rooms.filter_map(|name| {
            let file = format!("src/{name}/mod.rs");
            let text = fs::read_to_string(package().join(&file)).unwrap();
            let front: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
            let missing: Vec<&str> = HEADINGS
                .into_iter()
                .filter(|heading| front.iter().filter(|line| line.contains(heading)).count() != 1)
                .collect();
            (!missing.is_empty()).then(|| format!("{file}: {}", missing.join(", ")))
        }),
        "front pages without all of their headings",
    );
}

/// The picture that people read and the table that the test holds are the same.
#[test]
fn the_front_page_shows_this_table() {
    let text = fs::read_to_string(package().join("src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let shown: Vec<(String, String)> = rows
        .filter_map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let [layer, room, _, imports] = cells[..] else { return None };
            layer.parse::<u8>().ok()?;
            Some((format!("{layer} {}", room.trim_matches(['[', ']', '`'])), imports.replace('`', "")))
        })
        .collect();
    let real: Vec<(String, String)> = ROOMS
        .iter()
        .map(|room| {
            let imports = if room.imports.is_empty() { "–".to_owned() } else { room.imports.join(", ") };
            (format!("{} {}", room.layer, room.name), imports)
        })
        .collect();
    assert_eq!(shown, real);
}
