//! What outlives the process, and what must not outlive a restore.

use crate::{
    actions::{
        accounts::Wanted,
        testing::{Desk, PASSWORD, WRONG, wanted},
    },
    domain::fault::Reason,
    store::{Settings, Store},
    world::World,
};

/// Proves: THR-11
#[tokio::test]
async fn counters_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let desk = Desk::at(&file, World::fake());
    desk.add("alice").await;
    let device = desk.sign_in("alice", PASSWORD).await.unwrap().device.unwrap();
    for name in ["alice", "unknown"] {
        for _ in 0..5 {
            assert_eq!(desk.refusal(name, WRONG).await, Reason::BadCredentials);
        }
    }
    desk.store.close();
    let desk = Desk::at(&file, World::fake());
    for name in ["alice", "unknown"] {
        assert_eq!(desk.refusal(name, PASSWORD).await, Reason::Throttled, "{name}");
    }
    let attempt = crate::actions::login::Attempt {
        device: Some(device),
        ..crate::actions::testing::attempt("alice", PASSWORD)
    };
    desk.actions.sign_in_at_once(&desk.call(), attempt).await.unwrap();
}

/// Between backup and restore sessions were ended and links used, of which the backup knows nothing.
///
/// Proves: OPS-14
#[tokio::test]
async fn a_restore_voids_sessions_and_setup_links() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("store"), folder.path().join("copy"));
    let desk = Desk::at(&file, World::fake());
    let link = desk.actions.offer_setup(&desk.call()).await.unwrap().unwrap();
    desk.store.backup(&copy).unwrap();
    desk.actions.check_setup(&desk.call(), &link).unwrap();
    desk.store.close();
    Store::restore(&copy, &Settings::at(&file)).unwrap();
    let desk = Desk::at(&file, World::fake());
    let fault = desk.actions.check_setup(&desk.call(), &link).unwrap_err();
    assert_eq!(fault.reason, Reason::Expired);
    let first = Wanted { groups: Vec::new(), ..wanted("root") };
    assert_eq!(
        desk.actions.complete_setup(&desk.call(), link, first, None).await.unwrap_err().reason,
        Reason::Expired
    );

    let id = desk.add("alice").await;
    let signed_in = desk.sign_in("alice", PASSWORD).await.unwrap();
    let copy = folder.path().join("second");
    desk.store.backup(&copy).unwrap();
    desk.actions.sign_out(&desk.call(), vec![signed_in.key.hash()]).await.unwrap();
    desk.store.close();
    Store::restore(&copy, &Settings::at(&file)).unwrap();
    let desk = Desk::at(&file, World::fake());
    assert_eq!(desk.live(id), 0, "neither the ended session nor any other is back");
    desk.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(desk.live(id), 1);
}
