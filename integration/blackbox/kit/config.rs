//! Pieces of configuration that several tests put together: quick hashing, one guarded application, the people.

/// The lowest parameters the program accepts, and room for many sign-ins: what a hash costs, and what a stranger may try, is none
/// of these tests' business.
pub const QUICK: &str = r#"
[password]
memory = "19MiB"
iterations = 2
[throttle]
attempts_per_minute = 100000
"#;

/// Everybody's password. The hash below was made from it with the lowest parameters that the program accepts.
pub const PASSWORD: &str = "seven green lanterns over water";
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aPfwZZvHg6TOh30xbQn14g$9tfNF59mdleWmlYUrHgrkUc0+2NETPNdspycw22ACZQ";

/// One cookie for everything below `example.com`, and the application `app` at `host` with an open corner, one for a second factor
/// and the rest for whoever is signed in; `more` rules stand before that last one.
pub fn one_app(host: &str, more: &str) -> String {
    format!(
        r#"
[session.cookie]
domain = "example.com"
[[apps]]
name = "app"
hosts = ["{host}"]
[[apps.rules]]
path_prefix = ["/public/"]
access = "bypass"
[[apps.rules]]
path_prefix = ["/vault/"]
access = "second-factor"
{more}
[[apps.rules]]
access = "signed-in"
"#
    )
}

/// The people: one in no special group, one administrator, one who may not come in.
pub fn people() -> String {
    format!(
        r#"
[[accounts]]
username = "alice"
name = "Alice Liddell"
email = "alice@example.com"
groups = ["staff"]
password_hash = "{HASH}"

[[accounts]]
username = "carol"
name = "Zoë Carol"
email = "carol@example.com"
groups = ["admins", "staff"]
password_hash = "{HASH}"

[[accounts]]
username = "dave"
disabled = true
groups = ["staff"]
password_hash = "{HASH}"
"#
    )
}
