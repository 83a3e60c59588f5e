//! Invitations and applications.

use rotunda_model::{Accid, Millis, RequestId, ServerId, server::Request};
use sqlx::PgExecutor;

use crate::{StoreError, row};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    Application,
    Invitation,
}

impl RequestKind {
    const fn number(self) -> i16 {
        match self {
            Self::Application => 1,
            Self::Invitation => 2,
        }
    }
}

/// As in the vendor's records; numbers as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    Open,
    Accepted,
    Rejected,
    AcceptedOtherwise,
    RejectedOtherwise,
    JoinedAtOnce,
}

impl RequestStatus {
    const ALL: [Self; 6] = [
        Self::Open,
        Self::Accepted,
        Self::Rejected,
        Self::AcceptedOtherwise,
        Self::RejectedOtherwise,
        Self::JoinedAtOnce,
    ];

    const fn number(self) -> i16 {
        self as i16
    }

    fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| i64::from(status.number()) == number)
    }
}

/// One account's part in an invitation, or an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: RequestId,
    pub server: ServerId,
    pub accid: Accid,
    /// Who invited.
    pub operator: Option<Accid>,
    pub status: RequestStatus,
    pub expires: Millis,
}

/// One row for each account, all under one id.
#[derive(Debug)]
pub struct NewRequest<'a> {
    pub id: RequestId,
    pub server: ServerId,
    pub kind: RequestKind,
    pub accids: &'a [Accid],
    pub operator: Option<&'a Accid>,
    pub ps: &'a str,
    pub status: RequestStatus,
    pub created: Millis,
    pub expires: Millis,
}

pub async fn insert(db: impl PgExecutor<'_>, new: &NewRequest<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO requests (id, server, kind, accid, operator, ps, status, created, updated, expires)
         SELECT $1, $2, $3, a, $5, $6, $7, $8, $8, $9 FROM unnest($4::text[]) AS a",
        new.id.get(),
        new.server.get(),
        new.kind.number(),
        &row::texts(new.accids),
        new.operator.map(Accid::as_str),
        new.ps,
        new.status.number(),
        new.created.get(),
        new.expires.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The account's part of a request of that server and kind.
pub async fn get(
    db: impl PgExecutor<'_>,
    server: ServerId,
    kind: RequestKind,
    id: RequestId,
    accid: &Accid,
) -> Result<Option<Record>, StoreError> {
    let found = sqlx::query!(
        "SELECT operator, status, expires FROM requests WHERE id = $1 AND accid = $2 AND server = $3 AND kind = $4",
        id.get(),
        accid.as_str(),
        server.get(),
        kind.number()
    )
    .fetch_optional(db)
    .await?;
    found
        .map(|r| {
            Ok(Record {
                id,
                server,
                accid: accid.clone(),
                operator: r.operator.map(|accid| row::accid(&accid, "requests.operator")).transpose()?,
                status: row::number(RequestStatus::from_number, r.status, "requests.status")?,
                expires: Millis(r.expires),
            })
        })
        .transpose()
}

/// The account's newest application that waits for an answer.
pub async fn open_application(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accid: &Accid,
    now: Millis,
) -> Result<Option<Request>, StoreError> {
    let found = sqlx::query!(
        "SELECT id, expires FROM requests WHERE server = $1 AND accid = $2 AND kind = $3 AND status = 0 AND expires > $4
         ORDER BY created DESC LIMIT 1",
        server.get(),
        accid.as_str(),
        RequestKind::Application.number(),
        now.get()
    )
    .fetch_optional(db)
    .await?;
    found.map(|r| Ok(Request { id: row::id(r.id, "requests.id")?, expires: Millis(r.expires) })).transpose()
}

/// Settles one; of an application, `operator` is who did.
pub async fn settle(
    db: impl PgExecutor<'_>,
    id: RequestId,
    accid: &Accid,
    status: RequestStatus,
    operator: Option<&Accid>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE requests SET status = $3, operator = COALESCE($4, operator), updated = $5 WHERE id = $1 AND accid = $2",
        id.get(),
        accid.as_str(),
        status.number(),
        operator.map(Accid::as_str),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All still open ones of the account in that server: it joined another way.
pub async fn settle_others(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accid: &Accid,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE requests SET status = $3, updated = $4 WHERE server = $1 AND accid = $2 AND status = 0",
        server.get(),
        accid.as_str(),
        RequestStatus::AcceptedOtherwise.number(),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}
