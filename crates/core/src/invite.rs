//! Invitations and applications: the ways into a server.

use std::{collections::BTreeSet, sync::Arc};

use rotunda_model::{
    Accid, Millis, RequestId, Right, ServerId,
    notification::{Audience, Fact},
    server::{ApplyMode, InviteMode, Request},
};
use rotunda_permissions::guard;
use rotunda_store::{
    member as members,
    request::{self as store, NewRequest, Record, RequestKind, RequestStatus},
};

use crate::{
    Actor, Core, Error,
    change::{Change, Standing},
    member::{admit, may_enter},
    text,
};

/// How long a request may be answered when the caller names no time, in milliseconds: 30 days, as the vendor's invite
/// codes. Longer leaves old invitations open, shorter loses those of people on holiday.
const TTL_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// Handlers who are told of an application. When @everyone may handle them that could be the whole server, and each
/// costs a stored row; the owner and the longest members come first.
const HANDLERS_MAX: u32 = 200;

/// What 24_36 answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// In too many servers already.
    pub over: Vec<Accid>,
    pub banned: Vec<Accid>,
    pub request: Request,
}

/// 24_36. By the server's invite mode the invited must agree (notifies 1, stored) or are members now (notifies 8 to the
/// server, 31 and 32 to them). Those who are members already are passed over.
///
/// Errors: 404 the server or one of the accounts; 403 without inviteServer; 417 all are members; 419 the server is
/// full; 414, 405 unfit values.
pub async fn invite(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    accids: &[Accid],
    ps: &str,
    ttl_ms: Option<i64>,
) -> Result<Invited, Error> {
    let accids = text::accids(accids)?;
    text::bytes("ps", ps, text::PS_MAX)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::invite(&change.before, &standing.subject())?;

    let app = change.locked.server.app;
    let counts = rotunda_store::account::lock_and_count_servers(&mut change.tx, app, &accids).await?;
    if counts.len() != accids.len() {
        return Err(Error::NotFound("account"));
    }
    let max = core.limits().servers_per_account;
    let mut outsiders: Vec<Standing> = change.standings(&accids).await?;
    outsiders.retain(|standing| !standing.is_member());
    if outsiders.is_empty() {
        return Err(Error::Repeated("all of them are members"));
    }
    let mut banned = rotunda_store::ban::among(&mut *change.tx, server, &accids).await?;
    banned.retain(|accid| outsiders.iter().any(|outsider| outsider.accid == *accid));
    outsiders.retain(|outsider| !banned.contains(&outsider.accid));
    let full = |accid: &Accid| counts.iter().any(|(other, count)| other == accid && *count >= max);
    let (over, outsiders): (Vec<_>, Vec<_>) = outsiders.into_iter().partition(|o| full(&o.accid));
    let over: Vec<Accid> = over.into_iter().map(|standing| standing.accid).collect();

    let consent = change.locked.server.invite_mode == InviteMode::NeedsConsent;
    let invited: Vec<Accid> = outsiders.iter().map(|outsider| outsider.accid.clone()).collect();
    let request = open(
        &mut change,
        RequestKind::Invitation,
        &invited,
        Some(&actor.user.accid),
        ps,
        if consent { RequestStatus::Open } else { RequestStatus::JoinedAtOnce },
        ttl_ms,
    )
    .await?;
    if consent {
        for accid in invited {
            let fact = Fact::MemberInvite { server: change.entity(), request: request.id };
            change.notify(Audience::ServerAccounts(vec![accid]), fact);
        }
    } else if !invited.is_empty() {
        admit(&mut change, &outsiders, Some(&actor.user.accid)).await?;
        let fact =
            Fact::MemberInviteDone { server: change.entity(), invited: invited.clone(), request: request.id };
        change.notify(Audience::Server { also: invited }, fact);
        welcome(&mut change, &outsiders);
    }
    change.commit().await?;
    Ok(Invited { over, banned, request })
}

/// 24_37. Notifies 9 to the server, 31 and 32 to the new member.
///
/// Errors: 404 no such invitation of that inviter to the caller; 417 answered already, or a member; 508 expired;
/// 403 banned; 419 too many servers or members.
pub async fn accept_invite(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    inviter: &Accid,
    request: RequestId,
) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let record = still_open(&mut change, RequestKind::Invitation, request, &actor.user.accid).await?;
    if record.operator.as_ref() != Some(inviter) {
        return Err(Error::NotFound("invitation"));
    }
    let standing = change.actor_standing().await?;
    may_enter(&mut change, &standing).await?;
    let now = change.now();
    store::settle(&mut *change.tx, request, &standing.accid, RequestStatus::Accepted, None, now).await?;
    let outsiders = [standing];
    admit(&mut change, &outsiders, Some(inviter)).await?;
    let fact = Fact::MemberInviteAccept { server: change.entity(), inviter: inviter.clone(), request };
    change.notify(Audience::Server { also: vec![actor.user.accid.clone()] }, fact);
    welcome(&mut change, &outsiders);
    change.commit().await
}

/// 24_39. By the server's apply mode the caller is a member now (notifies 10 to the server, 31 and 32 to the caller) or
/// must wait (notifies 3 to those who handle applications, stored). Who applies again while waiting gets the same
/// request, and nobody is told twice.
///
/// Errors: 404; 417 a member; 403 banned; 419 too many servers or members; 414, 405 unfit values.
pub async fn apply(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    ps: &str,
    ttl_ms: Option<i64>,
) -> Result<Request, Error> {
    text::bytes("ps", ps, text::PS_MAX)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    may_enter(&mut change, &standing).await?;
    let accid = &actor.user.accid;
    let applicant = std::slice::from_ref(accid);
    if change.locked.server.apply_mode == ApplyMode::NeedsApproval {
        let now = change.now();
        if let Some(waiting) = store::open_application(&mut *change.tx, server, accid, now).await? {
            return Ok(waiting);
        }
        let kind = RequestKind::Application;
        let request = open(&mut change, kind, applicant, None, ps, RequestStatus::Open, ttl_ms).await?;
        for handler in handlers(&mut change).await? {
            let fact = Fact::MemberApply { server: change.entity(), request: request.id };
            change.notify(Audience::ServerAccounts(vec![handler]), fact);
        }
        change.commit().await?;
        return Ok(request);
    }
    let status = RequestStatus::JoinedAtOnce;
    let request = open(&mut change, RequestKind::Application, applicant, None, ps, status, ttl_ms).await?;
    let outsiders = [standing];
    admit(&mut change, &outsiders, None).await?;
    let fact = Fact::MemberApplyDone { server: change.entity(), request: request.id };
    change.notify(Audience::Server { also: vec![accid.clone()] }, fact);
    welcome(&mut change, &outsiders);
    change.commit().await?;
    Ok(request)
}

/// Those who may handle applications: the owner, and members with the right. Storage only names candidates.
async fn handlers(change: &mut Change) -> Result<Vec<Accid>, Error> {
    let server = change.server();
    let rules = Arc::clone(&change.before);
    let mut candidates = vec![rules.owner.clone()];
    let roles: Vec<_> = rules.granting_roles(Right::MANAGE_INVITE_APPLY).collect();
    if !roles.is_empty() {
        candidates.extend(members::of_roles(&mut *change.tx, server, &roles, HANDLERS_MAX).await?);
    }
    if roles.contains(&rules.everyone()) {
        candidates.extend(members::eldest(&mut *change.tx, server, HANDLERS_MAX).await?);
    }
    let mut seen = BTreeSet::new();
    candidates.retain(|accid| seen.insert(accid.clone()));
    let standings = change.standings(&candidates).await?;
    let holding = standings
        .into_iter()
        .filter(|standing| guard::handle_applications(&rules, &standing.subject()).is_ok());
    let most = usize::try_from(HANDLERS_MAX).unwrap_or(usize::MAX);
    Ok(holding.map(|standing| standing.accid).take(most).collect())
}

/// 24_40. Notifies 11 to the server, 31 and 32 to the new member.
///
/// Errors: 404 no such application; 403 without manageInviteApply, or the applicant is banned; 417 settled already, or
/// a member; 508 expired; 419 too many servers or members.
pub async fn accept_application(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    applicant: &Accid,
    request: RequestId,
) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::handle_applications(&change.before, &standing.subject())?;
    still_open(&mut change, RequestKind::Application, request, applicant).await?;
    let outsider = change.standing(applicant).await?;
    may_enter(&mut change, &outsider).await?;
    let now = change.now();
    let by = Some(&actor.user.accid);
    store::settle(&mut *change.tx, request, applicant, RequestStatus::Accepted, by, now).await?;
    let outsiders = [outsider];
    admit(&mut change, &outsiders, None).await?;
    let fact = Fact::MemberApplyAccept { server: change.entity(), applicant: applicant.clone(), request };
    change.notify(Audience::Server { also: vec![applicant.clone()] }, fact);
    welcome(&mut change, &outsiders);
    change.commit().await
}

/// 32 to those who have just become members.
fn welcome(change: &mut Change, outsiders: &[Standing]) {
    for outsider in outsiders {
        change.notify_entered(&outsider.accid);
    }
}

async fn open(
    change: &mut Change,
    kind: RequestKind,
    accids: &[Accid],
    operator: Option<&Accid>,
    ps: &str,
    status: RequestStatus,
    ttl_ms: Option<i64>,
) -> Result<Request, Error> {
    let ttl = ttl_ms.unwrap_or(TTL_MS);
    if ttl <= 0 {
        return Err(Error::Parameter("ttl"));
    }
    let created = change.tick();
    let request = Request { id: change.core.next_id()?, expires: expiry(change.now(), ttl) };
    let new = NewRequest {
        id: request.id,
        server: change.server(),
        kind,
        accids,
        operator,
        ps,
        status,
        created,
        expires: request.expires,
    };
    store::insert(&mut *change.tx, &new).await?;
    Ok(request)
}

/// Never beyond what a JavaScript date holds.
fn expiry(now: Millis, ttl_ms: i64) -> Millis {
    const DATE_MAX: Millis = Millis(8_640_000_000_000_000);
    now.plus(ttl_ms).min(DATE_MAX)
}

/// Errors: 404 unknown; 417 settled; 508 expired.
async fn still_open(
    change: &mut Change,
    kind: RequestKind,
    id: RequestId,
    accid: &Accid,
) -> Result<Record, Error> {
    let server = change.server();
    let record = store::get(&mut *change.tx, server, kind, id, accid).await?;
    let record = record.ok_or(Error::NotFound("request"))?;
    if record.status != RequestStatus::Open {
        return Err(Error::Repeated("the request is settled"));
    }
    if record.expires <= change.now() {
        return Err(Error::Expired("request"));
    }
    Ok(record)
}
