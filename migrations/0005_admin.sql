-- Operators' tokens for /v1, what they did, and the calls whose answers are kept. And an app's second secret.

CREATE TABLE admin_tokens (
    id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text    NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    -- HMAC-SHA-256 under the server key; the token itself is kept nowhere.
    token_hash bytea   NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- Bits; see core::admin::Scope.
    scopes     integer NOT NULL CHECK (scopes > 0),
    created    bigint  NOT NULL,
    -- None: never.
    expires    bigint,
    revoked    bigint
);

-- By Idempotency-Key: a call that changes something is done once, and answered alike when it comes again.
CREATE TABLE admin_calls (
    token   bigint NOT NULL REFERENCES admin_tokens ON DELETE CASCADE,
    key     text   NOT NULL CHECK (octet_length(key) <= 128),
    -- SHA-256 of method, path and body.
    request bytea  NOT NULL CHECK (octet_length(request) = 32),
    created bigint NOT NULL,
    -- None while it is under way.
    status  smallint,
    -- AES-256-GCM under the server key: an answer may hold a new secret.
    answer  bytea,
    PRIMARY KEY (token, key),
    CHECK ((status IS NULL) = (answer IS NULL))
);
CREATE INDEX admin_calls_created ON admin_calls (created);

CREATE TABLE admin_log (
    id     bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     bigint   NOT NULL,
    -- No reference: what was done outlives the token.
    token  bigint   NOT NULL,
    name   text     NOT NULL,
    action text     NOT NULL,
    target text     NOT NULL,
    status smallint NOT NULL
);

ALTER TABLE apps
    -- The secret before, and until when it still signs.
    ADD COLUMN previous_secret bytea CHECK (octet_length(previous_secret) <= 256),
    ADD COLUMN previous_until  bigint,
    ADD CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
