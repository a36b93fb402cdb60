//! Groups and who is in them, by the operator.

use crate::{
    actions::{
        Actions,
        accounts::{groups_by_name, keep_an_administrator},
        credentials::managed,
        no_account,
    },
    domain::{
        account::{self, ACCOUNTS},
        audit::{self, Entry, Event},
        call::Call,
        directory::{self, GROUPS},
        fault::{Fault, Field, Reason},
        rights::Permit,
    },
    values::{
        id::{AccountId, GroupId},
        name::GroupName,
    },
};

/// A group and how many are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// The user names of its members, at most [`GroupSummary::MOST_MEMBERS`].
    pub members: Vec<String>,
}

impl GroupSummary {
    /// More members are not listed.
    pub const MOST_MEMBERS: usize = 10_000;
}

impl Actions {
    /// Creates a group.
    pub async fn create_group(
        &self,
        call: &Call,
        permit: &Permit,
        name: GroupName,
    ) -> Result<GroupId, Fault> {
        let id = GroupId::mint(call.now, self.0.world.random());
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let (id, created) = directory::ensure_group(tx, home.tenant, &name, id)?;
                if !created {
                    return Err(Fault::new(Reason::Taken)
                        .with_flaw(Field::Group, "there is already a group of this name"));
                }
                audit::append(tx, &Entry::done(Event::GroupCreated, &actor, &call).detail(name.as_str()))?;
                Ok(id)
            })
            .await
    }

    /// All groups with their members.
    pub fn list_groups(&self, _: &Permit) -> Result<Vec<GroupSummary>, Fault> {
        self.0.store.read(|tx| {
            let mut groups = Vec::new();
            for (id, group) in GROUPS.range(tx, None, MOST_GROUPS)? {
                let members = account::members_of(tx, id, GroupSummary::MOST_MEMBERS)?;
                let members = members.into_iter().map(|(_, account)| account.username).collect();
                groups.push(GroupSummary { id, name: group.name, members });
            }
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(groups)
        })
    }

    /// Gives a group another name. Rules name groups by name, so they see it at the next check.
    pub async fn rename_group(
        &self,
        call: &Call,
        permit: &Permit,
        from: GroupName,
        to: GroupName,
    ) -> Result<(), Fault> {
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let (id, _) = directory::group_named(tx, home.tenant, &from)?.ok_or_else(no_group)?;
                refuse_admins(&from)?;
                directory::rename_group(tx, id, &to)?;
                let entry = Entry::done(Event::GroupRenamed, &actor, &call);
                audit::append(tx, &entry.detail(format!("{} to {}", from.as_str(), to.as_str())))?;
                Ok::<_, Fault>(())
            })
            .await
    }

    /// Removes a group and everybody's membership in it.
    pub async fn delete_group(&self, call: &Call, permit: &Permit, name: GroupName) -> Result<(), Fault> {
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let (group, _) = directory::group_named(tx, home.tenant, &name)?.ok_or_else(no_group)?;
                refuse_admins(&name)?;
                for (id, mut account) in account::members_of(tx, group, usize::MAX)? {
                    account.groups.retain(|member_of| *member_of != group);
                    account::save(tx, id, &account)?;
                }
                GROUPS.take(tx, &group)?;
                audit::append(tx, &Entry::done(Event::GroupDeleted, &actor, &call).detail(name.as_str()))?;
                Ok::<_, Fault>(())
            })
            .await
    }

    /// Puts a person into a group, or takes the person out; a missing group is created on joining.
    pub async fn change_membership(
        &self,
        call: &Call,
        permit: &Permit,
        id: AccountId,
        name: GroupName,
        member: Membership,
    ) -> Result<(), Fault> {
        let fresh = self.fresh_group_ids(call, 1);
        let (home, call, actor) = (self.0.home, call.clone(), permit.actor().to_owned());
        self.0
            .store
            .write(move |tx| {
                let mut account = ACCOUNTS.get(tx, &id)?.ok_or_else(no_account)?;
                if account.managed {
                    return Err(managed());
                }
                let event = match member {
                    Membership::Joins => {
                        for group in
                            groups_by_name(tx, home, std::slice::from_ref(&name), &fresh, &actor, &call)?
                        {
                            if !account.groups.contains(&group) {
                                account.groups.push(group);
                            }
                        }
                        Event::GroupJoined
                    }
                    Membership::Leaves => {
                        let (group, _) =
                            directory::group_named(tx, home.tenant, &name)?.ok_or_else(no_group)?;
                        if name.canonical() == directory::ADMINS {
                            keep_an_administrator(tx, home, id)?;
                        }
                        account.groups.retain(|member_of| *member_of != group);
                        Event::GroupLeft
                    }
                };
                account::save(tx, id, &account)?;
                audit::append(tx, &Entry::done(event, &actor, &call).about(id).detail(name.as_str()))?;
                Ok(())
            })
            .await
    }
}

/// Which way a membership changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The person joins.
    Joins,
    /// The person leaves.
    Leaves,
}

/// More groups are not listed.
const MOST_GROUPS: usize = 10_000;

fn refuse_admins(name: &GroupName) -> Result<(), Fault> {
    if name.canonical() == directory::ADMINS {
        return Err(
            Fault::new(Reason::LastOne).with_flaw(Field::Group, "the administrators' group stays as it is")
        );
    }
    Ok(())
}

fn no_group() -> Fault {
    Fault::new(Reason::NotFound).with_flaw(Field::Group, "there is no such group")
}
