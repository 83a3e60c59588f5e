-- What happened in an app, in one order: members were told something, an account came or went, a seat was taken or left.
-- Backends read it by cursor, webhooks are made from it. Pruned by age.

CREATE TABLE events (
    -- Rises in the order of commits: whoever inserts holds an advisory lock until the commit, so no reader who is past
    -- an id misses a smaller one.
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No references: an event outlives what it tells of.
    app     bigint NOT NULL,
    -- Null: it concerns no server.
    server  bigint,
    created bigint NOT NULL,
    body    jsonb  NOT NULL
);
CREATE INDEX events_app ON events (app, id);
CREATE INDEX events_created ON events (created);

-- The highest id that was pruned: a cursor below it has missed something. One row.
CREATE TABLE events_pruned (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    through bigint  NOT NULL
);
INSERT INTO events_pruned (through) VALUES (0);
