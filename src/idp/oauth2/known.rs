//! Clients in memory: whoever proves to be one need not be read and decoded anew each time.
//!
//! A load and a change can overlap, so a loader keeps what it read only when nothing has been forgotten since before its read. Once a
//! writer has been told "done", nobody sees the old client any more (the feed comes before that answer).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::client::{ClientId, ClientRecord},
    store::{Change, Record as _, Store, StoreError},
};

/// More clients than most houses have, about a kibibyte each.
const MOST: usize = 1000;

#[derive(Default)]
pub(super) struct Known(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    clients: HashMap<ClientId, Arc<ClientRecord>>,
    /// How often something was forgotten.
    version: u64,
}

impl Known {
    /// A memory that follows the store.
    pub(super) fn following(store: &Store) -> Arc<Self> {
        let known = Arc::new(Self::default());
        let for_feed = Arc::clone(&known);
        store.on_change(move |changes| for_feed.heed(changes));
        known
    }

    /// The client, from memory or loaded. What is absent is not remembered: made-up ids leave no trace.
    pub(super) fn client(
        &self,
        id: &ClientId,
        load: impl FnOnce() -> Result<Option<ClientRecord>, StoreError>,
    ) -> Result<Option<Arc<ClientRecord>>, StoreError> {
        let before = {
            let memory = self.lock();
            if let Some(client) = memory.clients.get(id) {
                return Ok(Some(Arc::clone(client)));
            }
            memory.version
        };
        let Some(client) = load()?.map(Arc::new) else { return Ok(None) };
        let mut memory = self.lock();
        if memory.version == before {
            if memory.clients.len() >= MOST {
                memory.clients.clear();
            }
            memory.clients.insert(id.clone(), Arc::clone(&client));
        }
        Ok(Some(client))
    }

    /// Clients seldom change, so all are forgotten when one does.
    fn heed(&self, changes: &[Change]) {
        if changes.iter().any(|change| change.space == ClientRecord::SPACE) {
            let mut memory = self.lock();
            memory.version += 1;
            memory.clients.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // There is nothing in it that its last holder could have left half done: forgetting ends with an empty map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use super::{Change, ClientId, ClientRecord, Known, MOST, Store};
    use crate::{
        domain::client::Registration,
        store::{Record as _, Settings, Table},
        values::time::Timestamp,
    };

    fn client(name: &str) -> ClientRecord {
        let registration = Registration { name: name.to_owned(), ..Registration::default() };
        ClientRecord { registration, secrets: Vec::new(), created: Timestamp::default(), managed: false }
    }

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    /// Whatever is there is loaded once; what is not, each time.
    #[test]
    fn a_client_is_loaded_once_and_an_absent_one_leaves_no_trace() {
        let (known, loads) = (Known::default(), Cell::new(0));
        let load = |found: Option<ClientRecord>| {
            loads.set(loads.get() + 1);
            Ok(found)
        };
        for _ in 0..3 {
            let wiki = known.client(&id("wiki"), || load(Some(client("Wiki")))).unwrap().unwrap();
            assert_eq!(wiki.registration.name, "Wiki");
            assert!(known.client(&id("nobody"), || load(None)).unwrap().is_none());
        }
        assert_eq!(loads.get(), 1 + 3);
        for number in 0..3 * MOST {
            known.client(&id(&number.to_string()), || Ok(Some(client("x")))).unwrap();
        }
        assert!(known.lock().clients.len() <= MOST);
    }

    /// A change while the old state is being read must not be lost.
    ///
    /// Proves: OAU-8
    #[test]
    fn what_changed_while_it_was_read_is_not_remembered() {
        let known = Known::default();
        let change = [Change { space: ClientRecord::SPACE, key: Arc::from(&b"wiki"[..]) }];
        let old = known.client(&id("wiki"), || {
            known.heed(&change);
            Ok(Some(client("Old")))
        });
        assert_eq!(old.unwrap().unwrap().registration.name, "Old");
        let new = known.client(&id("wiki"), || Ok(Some(client("New")))).unwrap().unwrap();
        assert_eq!(new.registration.name, "New");
        // Others' changes are none of ours.
        known.heed(&[Change { space: "accounts", key: Arc::from(&b"wiki"[..]) }]);
        assert!(known.client(&id("wiki"), || panic!("it is known")).unwrap().is_some());
    }

    /// Proves: OAU-8
    #[test]
    fn after_a_write_is_done_nobody_sees_what_was_there_before() {
        const CLIENTS: Table<ClientRecord> = Table::new();
        let room = tempfile::tempdir().unwrap();
        let store = Store::open(&Settings::at(room.path().join("store.redb"))).unwrap();
        let known = Known::following(&store);
        for number in 0..200 {
            let name = number.to_string();
            store
                .write_blocking({
                    let name = name.clone();
                    move |tx| CLIENTS.set(tx, &id("wiki"), &client(&name))
                })
                .unwrap();
            let load = || store.read(|tx| CLIENTS.get(tx, &id("wiki")));
            assert_eq!(known.client(&id("wiki"), load).unwrap().unwrap().registration.name, name);
        }
    }
}
