-- Where an app wants its events sent, and what became of each.

CREATE TABLE webhooks (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app     bigint  NOT NULL REFERENCES apps ON DELETE CASCADE,
    url     text    NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2048),
    -- Names of events; none: all.
    kinds   text[]  NOT NULL,
    created bigint  NOT NULL,
    -- The last event that has been looked at for it.
    through bigint  NOT NULL
);
CREATE INDEX webhooks_app ON webhooks (app);

CREATE TABLE webhook_deliveries (
    webhook  bigint   NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    -- No reference: what became of it is kept as long as the event, and either may go first.
    event    bigint   NOT NULL,
    -- The server, or 0: within a lane the next waits until the one before is through.
    lane     bigint   NOT NULL,
    -- 0 waits, 1 delivered, 2 given up.
    state    smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    attempts integer  NOT NULL DEFAULT 0,
    -- When to try, or when it was done with.
    at       bigint   NOT NULL,
    -- The last answer's HTTP status, or what failed instead.
    status   integer,
    failure  text,
    PRIMARY KEY (webhook, event)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook, lane, event) WHERE state = 0;
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (at) WHERE state <> 0;
