//! Names, numbers and ids that one may have, and the last administrator.

use std::{sync::Arc, time::Duration};

use crate::{
    actions::{
        accounts::{StatusChange, Wanted},
        apikeys::NewApiKey,
        groups::Membership,
        import::{Import, Imported},
        testing::{Desk, RACERS, operator, race, tally, the_winner, unhindered, wanted},
    },
    domain::{
        account::Status,
        apikey::{KeyName, Scope},
        audit::Event,
        directory,
        fault::Reason,
    },
    values::{
        id::AccountId,
        name::{GroupName, Username},
        phone::Phone,
        random::Random,
    },
};

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

/// 64 of them without a password, in one group.
async fn people(desk: &Desk, in_group: Option<&str>) -> Vec<AccountId> {
    let mut people = Vec::new();
    for number in 0..RACERS {
        let groups = in_group.map(group).into_iter().collect();
        let wanted = Wanted { password: None, groups, ..wanted(&format!("user{number}")) };
        people.push(desk.create(wanted).await.unwrap());
    }
    people
}

/// Races: mobile number, of a new account
/// Proves: ENR-5
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_accounts_made_with_one_number_one_is() {
    let desk = Arc::new(Desk::with(unhindered()));
    let outcomes = race(&desk, |desk, at| async move {
        let mobile = Phone::parse("+4930123456").ok();
        desk.create(Wanted { mobile, password: None, ..wanted(&format!("user{at}")) }).await
    });
    the_winner(outcomes.await, &[Reason::Taken]);
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 1);
    assert_eq!(desk.count(Event::AccountCreated), 1);
}

/// Races: id of an imported account
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_imports_of_one_account_one_makes_it() {
    let desk = Arc::new(Desk::with(unhindered()));
    let id = AccountId::mint(desk.call().now, Random::new([9; 10]));
    let outcomes = race(&desk, |desk, at| async move {
        let imported = Imported {
            source: "elsewhere",
            id,
            username: Username::parse(&format!("user{at}")).unwrap(),
            display_name: None,
            email: None,
            active: true,
            created: None,
            password: None,
            totp: None,
            asked: Vec::new(),
            trail: Vec::new(),
        };
        desk.actions.import_account(&desk.call(), &operator(), imported, false).await.unwrap()
    });
    let made = outcomes.await.into_iter().filter(|import| *import == Import::Created).count();
    assert_eq!((made, desk.count(Event::AccountImported)), (1, 1));
    assert_eq!(desk.actions.list_accounts(&operator(), None, 100).unwrap().len(), 1);
}

/// Races: name of a group; group that the first to join creates
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_groups_of_one_name_there_is_one() {
    let desk = Arc::new(Desk::with(unhindered()));
    let people = people(&desk, None).await;
    let outcomes = race(&desk, |desk, at| async move {
        let name = if at % 2 == 0 { "Ops" } else { "OPS" };
        desk.actions.create_group(&desk.call(), &operator(), group(name)).await
    });
    the_winner(outcomes.await, &[Reason::Taken]);
    let joining = race(&desk, |desk, at| {
        let id = people[at];
        async move {
            let (call, name) = (desk.call(), group("crew"));
            desk.actions.change_membership(&call, &operator(), id, name, Membership::Joins).await
        }
    });
    assert_eq!(tally(&joining.await, []), (64, []));
    let groups = desk.actions.list_groups(&operator()).unwrap();
    let crew: Vec<_> = groups.iter().filter(|group| group.name == "crew").collect();
    assert_eq!((crew.len(), crew[0].members.len(), desk.count(Event::GroupCreated)), (1, 64, 2));
}

/// Races: name of an API key
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_api_keys_of_one_name_one_is_made() {
    let desk = Arc::new(Desk::with(unhindered()));
    let outcomes = race(&desk, |desk, _| async move {
        let new = NewApiKey {
            name: KeyName::parse("mail").unwrap(),
            scopes: vec![Scope::Read],
            accounts: Vec::new(),
            lifetime: Duration::from_hours(1),
        };
        desk.actions.add_api_key(&desk.call(), &operator(), new).await
    });
    let (text, _) = the_winner(outcomes.await, &[Reason::Taken]);
    assert_eq!(desk.actions.list_api_keys(&operator()).unwrap().len(), 1);
    assert_eq!(desk.count(Event::ApiKeyAdded), 1);
    desk.actions.api_key(&desk.call(), Some(text.expose().as_str())).await.unwrap();
}

/// They are disabled, locked, deleted and taken out of the group, 16 of each.
///
/// Races: last administrator
/// Proves: API-4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_administrators_who_go_at_once_one_stays() {
    let desk = Arc::new(Desk::with(unhindered()));
    let admins = people(&desk, Some(directory::ADMINS)).await;
    let outcomes = race(&desk, |desk, at| {
        let id = admins[at];
        async move {
            let (call, name) = (desk.call(), group(directory::ADMINS));
            match at % 4 {
                0 => desk.status(id, StatusChange::Disable("left".to_owned())).await,
                1 => desk.status(id, StatusChange::Lock("lost".to_owned())).await,
                2 => desk.actions.delete_account(&call, &operator(), id).await,
                _ => desk.actions.change_membership(&call, &operator(), id, name, Membership::Leaves).await,
            }
        }
    });
    assert_eq!(tally(&outcomes.await, [Reason::LastOne]), (63, [1]));
    let left = desk.actions.list_accounts(&operator(), None, 100).unwrap();
    let usable = left.iter().filter(|found| {
        found.account.status == Status::Active
            && found.groups.typed.iter().any(|name| name == directory::ADMINS)
    });
    assert_eq!(usable.count(), 1);
}
