//! Loading the configuration anew: whole or not at all (security.md OPS-22).

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{declared, listeners, wiring};
use crate::{
    actions::{Actions, declared::Reconciled},
    config::Settings,
    domain::audit::Event,
    gate::Gate,
    idp::oauth2,
    serve::{Prepared, Tls, TlsError, logging::Dial},
    web::{control::Reload, vouch::Vouch},
};

/// Reads the configuration as at start, from the same file, environment and options.
pub type LoadSettings = Arc<dyn Fn() -> Result<Settings, String> + Send + Sync>;

pub(super) struct Reloader {
    /// What the house was started with: whatever differs from it and takes effect at a restart only, still waits.
    pub(super) started_with: Mutex<Settings>,
    pub(super) load: LoadSettings,
    /// What turns the log's level; `None` where the log is somebody else's.
    pub(super) log: Option<Dial>,
    pub(super) actions: Actions,
    pub(super) oauth2: oauth2::Engine,
    pub(super) gate: Arc<Gate>,
    pub(super) vouch: Arc<Vouch>,
    pub(super) tls: Vec<(&'static str, Tls)>,
}

impl Reloader {
    /// Puts a changed configuration in force. With any complaint the old one stays, whole.
    ///
    /// What can fail comes first: reading, the certificates (checked only), then the accounts and clients, in one
    /// transaction. From there on everything is an exchange in memory.
    pub(super) async fn reload(&self) -> Result<String, String> {
        let started_with = self.started_with.lock().await;
        let unchanged = |wrong: String| format!("The configuration stays as it was: {wrong}");
        let mut new = (self.load)().map_err(unchanged)?;
        let waiting = Settings::restart_needed(&started_with, &new);
        let certificates = self.certificates(&new).map_err(|error| unchanged(error.to_string()))?;
        let call = self.actions.inside();
        let reconciled =
            declared::reconcile(&self.actions, &self.oauth2, &call, &new).await.map_err(|fault| {
                unchanged(format!("the declared accounts and clients could not be applied: {fault}"))
            })?;
        for fresh in certificates {
            fresh.install();
        }
        // Pages and cookies stay where they are until a restart, and so do the ways to them.
        let portal = started_with.gateway.public_url.clone();
        // The gate forgets what was prepared under the old settings when it gets its rules, so the settings come first.
        self.vouch.configure(wiring::vouch(&new));
        self.gate.enforce(std::mem::take(&mut new.rules).with_portal(Some(portal)));
        let kept = self.actions.settings();
        // Limits and throttles take effect at a restart; the words for passwords and those of messages do now.
        self.actions.configure(crate::actions::Settings {
            passwords: new.actions.passwords.clone(),
            people: new.actions.people.clone(),
            factors: new.actions.factors.clone(),
            letters: new.actions.letters.clone().with_portal(kept.portal.clone()),
            ..crate::actions::Settings::clone(&kept)
        });
        if let Some(log) = &self.log
            && let Err(error) = log.turn(&new.log.level)
        {
            tracing::error!(%error, "log.level stays as it was");
        }
        if let Err(fault) = self.actions.record(&call, Event::Reloaded, "").await {
            tracing::error!(%fault, "the reload could not be recorded");
        }
        Ok(told(&reconciled, &waiting))
    }

    /// The certificates of all listeners, read and checked.
    fn certificates(&self, new: &Settings) -> Result<Vec<Prepared>, TlsError> {
        let mut prepared = Vec::new();
        for (name, tls) in &self.tls {
            let site = if *name == listeners::GATEWAY { &new.gateway } else { &new.api };
            if let Some(identity) = &site.tls {
                prepared.push(tls.prepare(std::slice::from_ref(identity))?);
            }
        }
        Ok(prepared)
    }
}

/// What there is to tell about a configuration that is in force. What is not in force comes first, and into the log
/// as an error of its own.
fn told(reconciled: &Reconciled, waiting: &[String]) -> String {
    let counts = format!(
        "{} accounts created, {} changed, {} disabled",
        reconciled.created, reconciled.changed, reconciled.disabled
    );
    let mut told = match reconciled.refused.len() {
        0 => format!("The configuration is in force ({counts})."),
        refused => format!(
            "The configuration is in force EXCEPT for {refused} of the declared accounts, see below ({counts})."
        ),
    };
    for refused in &reconciled.refused {
        tracing::error!(refused, "a declared account could not be applied");
        told.push_str("\nNot applied: ");
        told.push_str(refused);
    }
    if !waiting.is_empty() {
        told.push_str("\nThese changes wait for a restart: ");
        told.push_str(&waiting.join(", "));
    }
    told
}

/// The same for the control socket.
pub(super) fn command(reloader: Arc<Reloader>) -> Reload {
    Arc::new(move || {
        let reloader = reloader.clone();
        Box::pin(async move { reloader.reload().await })
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tempfile::TempDir;

    use super::*;
    use crate::{
        boot::{BootError, House, KeyFileError},
        config::{self, Overrides},
        serve::{Identity, logging},
        world::World,
    };

    fn identity() -> Identity {
        Identity {
            chain: include_bytes!("../serve/tests/fixtures/a.crt").to_vec(),
            key: include_bytes!("../serve/tests/fixtures/a.key").to_vec(),
        }
    }

    fn write(folder: &Path, portal: &str, rest: &str) {
        let data = folder.join("data");
        let text = format!(
            "data_dir = \"{}\"\n[gateway]\npublic_url = \"https://{portal}\"\n{rest}",
            data.display()
        );
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// A house on `login.example.com` without apps, whose next settings are in the folder, after `adjust`.
    fn house(adjust: fn(&mut Settings)) -> (TempDir, Reloader) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "login.example.com", "");
        let path = folder.path().join("config.toml");
        let read = move || config::load(Some(&path), [], Overrides::default()).map_err(|e| e.to_string());
        let House { settings, actions, oauth2, gate, vouch, .. } =
            House::open(read().unwrap(), World::fake().0).unwrap();
        let load = move || {
            read().map(|mut settings| {
                adjust(&mut settings);
                settings
            })
        };
        let tls = || Tls::new(&[identity()]).unwrap();
        let reloader = Reloader {
            started_with: Mutex::new(settings),
            load: Arc::new(load),
            log: None,
            actions,
            oauth2,
            gate,
            vouch,
            tls: vec![(listeners::GATEWAY, tls()), (listeners::API, tls())],
        };
        (folder, reloader)
    }

    const WIKI: &str = "[[apps]]\nname = \"wiki\"\nhosts = [\"wiki.example.com\"]\n";
    const ALICE: &str = "[[accounts]]\nusername = \"alice\"\nemail = \"a@example.com\"\n";

    fn apps(reloader: &Reloader) -> usize {
        reloader.gate.rules().apps().count()
    }

    fn accounts(reloader: &Reloader) -> usize {
        let page = |tx: &crate::store::ReadTx| crate::domain::account::all_after(tx, None, 10);
        reloader.actions.store().read(page).unwrap().len()
    }

    /// Proves: OPS-13
    #[test]
    fn a_house_whose_store_is_gone_gets_no_new_key() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "login.example.com", "");
        let path = folder.path().join("config.toml");
        let settings = config::load(Some(&path), [], Overrides::default()).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        crate::store::Store::open(&settings.store).unwrap().close();
        fs::remove_file(&settings.store.path).unwrap();
        let key = settings.data_dir.join("master.key");
        let refused = House::open(settings, World::fake().0).err().unwrap();
        assert!(matches!(refused, BootError::Key(KeyFileError::Lost { .. })), "{refused}");
        assert!(!key.exists());
    }

    /// What was written to the log.
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Proves: OPS-22
    #[test]
    fn an_entry_that_is_not_in_force_is_logged_as_an_error() {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let refused = Reconciled { refused: vec!["bob: taken".to_owned()], ..Reconciled::default() };
        tracing::subscriber::with_default(lines, || told(&refused, &[]));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("ERROR") && text.contains("bob: taken"), "{text}");
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn the_log_level_takes_effect() {
        let log = Log::default();
        let (lines, dial) = logging::subscriber(logging::Format::Text, "info", log.clone()).unwrap();
        let _lines = tracing::subscriber::set_default(lines);
        let (folder, mut reloader) = house(|_| {});
        reloader.log = Some(dial);
        let said = |step: &str| {
            tracing::debug!("{step}");
            String::from_utf8(log.0.lock().unwrap().clone()).unwrap().contains(step)
        };
        assert!(!said("before"));
        write(folder.path(), "login.example.com", "[log]\nlevel = \"debug\"");
        let told = reloader.reload().await.unwrap();
        assert!(!told.contains("restart"), "{told}");
        assert!(said("with debug"));
        write(folder.path(), "login.example.com", "[log]\nlevel = \"loud\"");
        reloader.reload().await.unwrap_err();
        assert!(said("still with debug"));
        write(folder.path(), "login.example.com", "");
        reloader.reload().await.unwrap();
        assert!(!said("without"));
    }

    #[tokio::test]
    async fn other_terms_for_second_factors_take_effect() {
        let (folder, reloader) = house(|_| {});
        let terms = || reloader.actions.settings().factors.clone();
        assert!(terms().kinds.totp && terms().trusted.is_zero());
        let changed = "[second_factors]\nkinds = [\"email\"]\ntrusted_device = \"7d\"";
        write(folder.path(), "login.example.com", changed);
        let told = reloader.reload().await.unwrap();
        assert!(!told.contains("restart"), "{told}");
        assert!(!terms().kinds.totp && terms().kinds.email);
        assert_eq!(terms().trusted, std::time::Duration::from_hours(7 * 24));
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn the_portal_stays_where_it_is_until_a_restart() {
        let (folder, reloader) = house(|_| {});
        write(folder.path(), "elsewhere.example.com", WIKI);
        let told = reloader.reload().await.unwrap();
        assert!(told.contains("wait for a restart: gateway.public_url"), "{told}");
        assert_eq!(apps(&reloader), 1);
        let rules = reloader.gate.rules();
        assert_eq!(rules.portal().unwrap().host().as_str(), "login.example.com");
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn one_bad_certificate_changes_nothing_at_all() {
        let (folder, reloader) = house(|settings| {
            settings.gateway.tls = Some(identity());
            settings.api.tls = Some(Identity { chain: Vec::new(), key: Vec::new() });
        });
        write(folder.path(), "login.example.com", &format!("{WIKI}{ALICE}"));
        let told = reloader.reload().await.unwrap_err();
        assert!(told.starts_with("The configuration stays as it was: certificate 1"), "{told}");
        assert_eq!((apps(&reloader), accounts(&reloader)), (0, 0));
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn without_the_accounts_nothing_else_is_in_force() {
        let (folder, reloader) = house(|_| {});
        write(folder.path(), "login.example.com", &format!("{WIKI}{ALICE}"));
        reloader.actions.store().close();
        let told = reloader.reload().await.unwrap_err();
        assert!(told.starts_with("The configuration stays as it was: the declared accounts"), "{told}");
        assert_eq!(apps(&reloader), 0);
    }

    /// A client's record that cannot be read any more.
    #[derive(minicbor::Encode, minicbor::Decode)]
    struct Damaged(#[n(0)] bool);

    impl crate::store::Record for Damaged {
        type Key = crate::domain::client::ClientId;
        const SPACE: &'static str = <crate::domain::client::ClientRecord as crate::store::Record>::SPACE;
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn accounts_change_only_together_with_the_clients() {
        let (folder, reloader) = house(|_| {});
        let wiki = "[[clients]]\nid = \"wiki\"\nkind = \"public\"\nname = \"Wiki\"\n\
                    redirect_uris = [\"https://wiki.example.com/cb\"]\n";
        let damage = |tx: &mut crate::store::WriteTx| {
            let id = crate::domain::client::ClientId::parse("wiki").unwrap();
            crate::store::Table::<Damaged>::new().set(tx, &id, &Damaged(true))
        };
        reloader.actions.store().write(damage).await.unwrap();
        write(folder.path(), "login.example.com", &format!("{WIKI}{ALICE}{wiki}"));
        let told = reloader.reload().await.unwrap_err();
        assert!(told.starts_with("The configuration stays as it was: the declared accounts"), "{told}");
        assert_eq!((apps(&reloader), accounts(&reloader)), (0, 0));
        write(folder.path(), "login.example.com", &format!("{WIKI}{ALICE}"));
        reloader.reload().await.unwrap_err();
        assert_eq!(accounts(&reloader), 0, "nor while another client cannot be read");
    }

    /// Proves: OPS-22
    #[tokio::test]
    async fn an_entry_that_is_not_in_force_is_said_first() {
        let (folder, reloader) = house(|_| {});
        let bob = "[[accounts]]\nusername = \"bob\"\n";
        write(folder.path(), "login.example.com", &format!("{ALICE}{bob}"));
        let told = reloader.reload().await.unwrap();
        assert_eq!(told, "The configuration is in force (2 accounts created, 0 changed, 0 disabled).");
        let heir = format!("{bob}email = \"a@example.com\"\n");
        write(folder.path(), "login.example.com", &format!("{WIKI}{heir}"));
        let told = reloader.reload().await.unwrap();
        assert!(told.starts_with("The configuration is in force EXCEPT for 1 of the declared"), "{told}");
        assert!(told.contains("\nNot applied: bob: this e-mail address"), "{told}");
        assert_eq!(apps(&reloader), 1);
    }
}
