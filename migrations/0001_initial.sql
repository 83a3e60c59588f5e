-- Apps, accounts, servers and what hangs on them. Times are milliseconds since 1970; ids are 64-bit and time-ordered,
-- made in process, except where an identity or a sequence says otherwise. Sequences below 2^53 count what the RTC
-- wire keeps in JavaScript numbers.

-- Which process is which: ids of two processes never collide.
CREATE SEQUENCE node_seq MINVALUE 0 MAXVALUE 255 CYCLE;

CREATE TABLE apps (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_key       text   NOT NULL UNIQUE CHECK (octet_length(app_key) BETWEEN 1 AND 64),
    name          text   NOT NULL CHECK (char_length(name) <= 64),
    -- AES-256-GCM under the server key: nonce, ciphertext, tag. Checksums need the secret in clear.
    sealed_secret bytea  NOT NULL CHECK (octet_length(sealed_secret) <= 256),
    created       bigint NOT NULL
);

CREATE TABLE accounts (
    app        bigint  NOT NULL REFERENCES apps ON DELETE CASCADE,
    accid      text    NOT NULL CHECK (accid ~ '^[a-z0-9_@.-]{1,32}$'),
    name       text    NOT NULL CHECK (char_length(name) <= 64),
    icon       text    NOT NULL DEFAULT '' CHECK (octet_length(icon) <= 1024),
    -- HMAC-SHA-256 under the server key; the token itself is kept nowhere.
    token_hash bytea   NOT NULL CHECK (octet_length(token_hash) = 32),
    disabled   boolean NOT NULL DEFAULT false,
    created    bigint  NOT NULL,
    updated    bigint  NOT NULL,
    PRIMARY KEY (app, accid)
);

CREATE TABLE servers (
    id             bigint   PRIMARY KEY CHECK (id > 0),
    app            bigint   NOT NULL REFERENCES apps ON DELETE CASCADE,
    name           text     NOT NULL CHECK (char_length(name) <= 64),
    icon           text     NOT NULL CHECK (octet_length(icon) <= 1024),
    ext            text     NOT NULL CHECK (octet_length(ext) <= 4096),
    owner          text     NOT NULL,
    invite_mode    smallint NOT NULL CHECK (invite_mode IN (0, 1)),
    apply_mode     smallint NOT NULL CHECK (apply_mode IN (0, 1)),
    search_type    integer  NOT NULL CHECK (search_type >= 0),
    search_enabled boolean  NOT NULL,
    reorder_weight bigint   NOT NULL DEFAULT 0,
    -- Counted under the row lock, because counting 500,000 rows for every answer would not do.
    member_count   integer  NOT NULL CHECK (member_count >= 0),
    channel_count  integer  NOT NULL CHECK (channel_count >= 0),
    category_count integer  NOT NULL CHECK (category_count >= 0),
    created        bigint   NOT NULL,
    updated        bigint   NOT NULL,
    -- Rises with every commit that can alter a verdict.
    version        bigint   NOT NULL,
    -- The last creation time given out below this server: creation times strictly rise, so that a page that ends at a
    -- time loses nothing.
    last_time      bigint   NOT NULL,
    -- The last outbox sequence number.
    outbox_seq     bigint   NOT NULL DEFAULT 0,
    FOREIGN KEY (app, owner) REFERENCES accounts (app, accid)
);
CREATE UNIQUE INDEX servers_created ON servers (app, created);

CREATE TABLE members (
    server   bigint  NOT NULL REFERENCES servers ON DELETE CASCADE,
    accid    text    NOT NULL,
    app      bigint  NOT NULL,
    -- Empty: the account's own name and icon show.
    nick     text    NOT NULL DEFAULT '' CHECK (char_length(nick) <= 64),
    avatar   text    NOT NULL DEFAULT '' CHECK (octet_length(avatar) <= 1024),
    ext      text    NOT NULL DEFAULT '' CHECK (octet_length(ext) <= 4096),
    is_owner boolean NOT NULL DEFAULT false,
    inviter  text,
    joined   bigint  NOT NULL,
    created  bigint  NOT NULL,
    updated  bigint  NOT NULL,
    PRIMARY KEY (server, accid),
    FOREIGN KEY (app, accid) REFERENCES accounts (app, accid) ON DELETE CASCADE
);
CREATE INDEX members_account ON members (app, accid);
CREATE UNIQUE INDEX members_created ON members (server, created);

CREATE TABLE bans (
    server  bigint NOT NULL REFERENCES servers ON DELETE CASCADE,
    accid   text   NOT NULL,
    ext     text   NOT NULL DEFAULT '' CHECK (octet_length(ext) <= 4096),
    created bigint NOT NULL,
    updated bigint NOT NULL,
    PRIMARY KEY (server, accid)
);
CREATE UNIQUE INDEX bans_created ON bans (server, created);

-- Invitations and applications. One invitation may name many accounts under one id.
CREATE TABLE requests (
    id       bigint   NOT NULL CHECK (id > 0),
    server   bigint   NOT NULL REFERENCES servers ON DELETE CASCADE,
    -- 1 application, 2 invitation.
    kind     smallint NOT NULL CHECK (kind IN (1, 2)),
    -- Who applied or was invited.
    accid    text     NOT NULL,
    -- Who invited; of an application, who settled it.
    operator text,
    ps       text     NOT NULL CHECK (octet_length(ps) <= 5000),
    -- 0 open, 1 accepted, 2 rejected, 5 joined at once.
    status   smallint NOT NULL CHECK (status IN (0, 1, 2, 3, 4, 5)),
    created  bigint   NOT NULL,
    updated  bigint   NOT NULL,
    expires  bigint   NOT NULL,
    PRIMARY KEY (id, accid)
);
CREATE INDEX requests_server ON requests (server, created);
CREATE INDEX requests_account ON requests (accid, created);

CREATE TABLE categories (
    id             bigint   PRIMARY KEY CHECK (id > 0),
    server         bigint   NOT NULL REFERENCES servers ON DELETE CASCADE,
    name           text     NOT NULL CHECK (char_length(name) <= 64),
    ext            text     NOT NULL CHECK (octet_length(ext) <= 4096),
    owner          text     NOT NULL,
    view_mode      smallint NOT NULL CHECK (view_mode IN (0, 1)),
    reorder_weight bigint   NOT NULL DEFAULT 0,
    created        bigint   NOT NULL,
    updated        bigint   NOT NULL
);
CREATE UNIQUE INDEX categories_created ON categories (server, created);

CREATE TABLE channels (
    id             bigint   PRIMARY KEY CHECK (id > 0),
    server         bigint   NOT NULL REFERENCES servers ON DELETE CASCADE,
    category       bigint   REFERENCES categories ON DELETE SET NULL,
    -- 0 message, 1 media, 100 custom.
    kind           smallint NOT NULL CHECK (kind IN (0, 1, 100)),
    name           text     NOT NULL CHECK (char_length(name) <= 64),
    topic          text     NOT NULL CHECK (char_length(topic) <= 64),
    ext            text     NOT NULL CHECK (octet_length(ext) <= 4096),
    owner          text     NOT NULL,
    view_mode      smallint NOT NULL CHECK (view_mode IN (0, 1)),
    visitor_mode   smallint NOT NULL CHECK (visitor_mode IN (0, 1, 2)),
    sync_mode      smallint NOT NULL CHECK (sync_mode IN (0, 1)),
    reorder_weight bigint   NOT NULL DEFAULT 0,
    created        bigint   NOT NULL,
    updated        bigint   NOT NULL
);
CREATE UNIQUE INDEX channels_created ON channels (server, created);

CREATE TABLE server_roles (
    id           bigint   PRIMARY KEY CHECK (id > 0),
    server       bigint   NOT NULL REFERENCES servers ON DELETE CASCADE,
    -- 1 @everyone, 2 custom.
    kind         smallint NOT NULL CHECK (kind IN (1, 2)),
    name         text     NOT NULL CHECK (char_length(name) <= 64),
    icon         text     NOT NULL CHECK (octet_length(icon) <= 1024),
    ext          text     NOT NULL CHECK (octet_length(ext) <= 4096),
    -- {"<right>": 1 | -1}; what is not named is ignored.
    auths        jsonb    NOT NULL,
    priority     bigint   NOT NULL CHECK (priority >= 0),
    member_count integer  NOT NULL CHECK (member_count >= 0),
    created      bigint   NOT NULL,
    updated      bigint   NOT NULL
);
CREATE UNIQUE INDEX server_roles_created ON server_roles (server, created);
CREATE UNIQUE INDEX server_roles_everyone ON server_roles (server) WHERE kind = 1;

CREATE TABLE role_members (
    role    bigint NOT NULL REFERENCES server_roles ON DELETE CASCADE,
    server  bigint NOT NULL,
    accid   text   NOT NULL,
    created bigint NOT NULL,
    PRIMARY KEY (role, accid),
    FOREIGN KEY (server, accid) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX role_members_member ON role_members (server, accid);

-- A channel's own layer: what its roles (the one of @everyone is made with the channel) and overrides say.
CREATE TABLE channel_roles (
    id          bigint PRIMARY KEY CHECK (id > 0),
    channel     bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
    server_role bigint NOT NULL REFERENCES server_roles ON DELETE CASCADE,
    auths       jsonb  NOT NULL,
    created     bigint NOT NULL,
    updated     bigint NOT NULL,
    UNIQUE (channel, server_role)
);
CREATE INDEX channel_roles_parent ON channel_roles (server_role);

CREATE TABLE channel_overrides (
    id      bigint PRIMARY KEY CHECK (id > 0),
    channel bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
    server  bigint NOT NULL,
    accid   text   NOT NULL,
    auths   jsonb  NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    UNIQUE (channel, accid),
    FOREIGN KEY (server, accid) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX channel_overrides_member ON channel_overrides (server, accid);

CREATE TABLE category_roles (
    id          bigint PRIMARY KEY CHECK (id > 0),
    category    bigint NOT NULL REFERENCES categories ON DELETE CASCADE,
    server_role bigint NOT NULL REFERENCES server_roles ON DELETE CASCADE,
    auths       jsonb  NOT NULL,
    created     bigint NOT NULL,
    updated     bigint NOT NULL,
    UNIQUE (category, server_role)
);
CREATE INDEX category_roles_parent ON category_roles (server_role);

CREATE TABLE category_overrides (
    id       bigint PRIMARY KEY CHECK (id > 0),
    category bigint NOT NULL REFERENCES categories ON DELETE CASCADE,
    server   bigint NOT NULL,
    accid    text   NOT NULL,
    auths    jsonb  NOT NULL,
    created  bigint NOT NULL,
    updated  bigint NOT NULL,
    UNIQUE (category, accid),
    FOREIGN KEY (server, accid) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX category_overrides_member ON category_overrides (server, accid);

-- White (1) and black (2) lists. Both stay stored, whichever the view mode uses.
CREATE TABLE channel_list_members (
    channel bigint   NOT NULL REFERENCES channels ON DELETE CASCADE,
    kind    smallint NOT NULL CHECK (kind IN (1, 2)),
    server  bigint   NOT NULL,
    accid   text     NOT NULL,
    created bigint   NOT NULL,
    PRIMARY KEY (channel, kind, accid),
    FOREIGN KEY (server, accid) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX channel_list_members_member ON channel_list_members (server, accid);

CREATE TABLE channel_list_roles (
    channel bigint   NOT NULL REFERENCES channels ON DELETE CASCADE,
    kind    smallint NOT NULL CHECK (kind IN (1, 2)),
    role    bigint   NOT NULL REFERENCES server_roles ON DELETE CASCADE,
    created bigint   NOT NULL,
    PRIMARY KEY (channel, kind, role)
);
CREATE INDEX channel_list_roles_role ON channel_list_roles (role);

CREATE TABLE category_list_members (
    category bigint   NOT NULL REFERENCES categories ON DELETE CASCADE,
    kind     smallint NOT NULL CHECK (kind IN (1, 2)),
    server   bigint   NOT NULL,
    accid    text     NOT NULL,
    created  bigint   NOT NULL,
    PRIMARY KEY (category, kind, accid),
    FOREIGN KEY (server, accid) REFERENCES members ON DELETE CASCADE
);
CREATE INDEX category_list_members_member ON category_list_members (server, accid);

CREATE TABLE category_list_roles (
    category bigint   NOT NULL REFERENCES categories ON DELETE CASCADE,
    kind     smallint NOT NULL CHECK (kind IN (1, 2)),
    role     bigint   NOT NULL REFERENCES server_roles ON DELETE CASCADE,
    created  bigint   NOT NULL,
    PRIMARY KEY (category, kind, role)
);
CREATE INDEX category_list_roles_role ON category_list_roles (role);

-- Media channels.
CREATE TABLE rtc_configs (
    channel  bigint  PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    -- Most members at once; 0 is no limit of its own.
    capacity integer NOT NULL CHECK (capacity >= 0),
    -- JSON text, stored as it came.
    audio    text    NOT NULL CHECK (octet_length(audio) <= 4096),
    video    text    NOT NULL CHECK (octet_length(video) <= 4096)
);

CREATE SEQUENCE rtc_cid_seq MAXVALUE 9007199254740991;
CREATE SEQUENCE rtc_uid_seq MAXVALUE 9007199254740991;

CREATE TABLE rtc_channels (
    channel bigint PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    cid     bigint NOT NULL UNIQUE DEFAULT nextval('rtc_cid_seq')
);

CREATE TABLE rtc_members (
    channel bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
    accid   text   NOT NULL,
    uid     bigint NOT NULL UNIQUE DEFAULT nextval('rtc_uid_seq'),
    PRIMARY KEY (channel, accid)
);

-- What of an open room outlives the process.
CREATE TABLE room_properties (
    channel bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
    name    text   NOT NULL CHECK (octet_length(name) <= 64),
    value   text   NOT NULL CHECK (octet_length(value) <= 1024),
    PRIMARY KEY (channel, name)
);

CREATE TABLE room_moderator_offs (
    channel bigint NOT NULL REFERENCES channels ON DELETE CASCADE,
    accid   text   NOT NULL,
    source  text   NOT NULL CHECK (octet_length(source) <= 16),
    PRIMARY KEY (channel, accid, source)
);

-- Session tokens that re-seated their owner after a restart: once each.
CREATE TABLE media_reseats (
    jti     text   PRIMARY KEY CHECK (octet_length(jti) <= 64),
    expires bigint NOT NULL
);
CREATE INDEX media_reseats_expires ON media_reseats (expires);

-- Invitations and applications wait here for their receivers; at most 1,000 each, a month long.
CREATE TABLE stored_notifications (
    id      bigint PRIMARY KEY CHECK (id > 0),
    app     bigint NOT NULL,
    accid   text   NOT NULL,
    created bigint NOT NULL,
    body    jsonb  NOT NULL,
    FOREIGN KEY (app, accid) REFERENCES accounts ON DELETE CASCADE
);
CREATE INDEX stored_notifications_account ON stored_notifications (app, accid, id);

-- Decided but not yet delivered. A row leaves when the dispatcher has taken it. Per server the sequence has no gaps.
CREATE TABLE outbox (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server  bigint NOT NULL,
    seq     bigint NOT NULL,
    created bigint NOT NULL,
    body    jsonb  NOT NULL,
    UNIQUE (server, seq)
);
