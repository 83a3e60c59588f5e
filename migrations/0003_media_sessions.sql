-- Who was in which media channel, and what their media was like. One row per seat, from entry to end. No address.

CREATE TABLE media_sessions (
    -- Rises with the time of entry: pages are cut by it.
    id           bigint PRIMARY KEY CHECK (id > 0),
    -- No references: a row outlives its channel and its server, and no row may fail to be written.
    app          bigint NOT NULL,
    server       bigint NOT NULL,
    channel      bigint NOT NULL,
    accid        text   NOT NULL,
    -- The room kit's device and the one of the QChat link.
    device       text   NOT NULL,
    link_device  text   NOT NULL,
    client       text   NOT NULL,
    entered      bigint NOT NULL,
    -- When the server last knew it to go on; after a crash it counts as the end.
    seen         bigint NOT NULL,
    ended        bigint,
    reason       text,
    -- Of the last transport that connected: udp or tcp, and the SRTP profile.
    protocol     text,
    srtp         text,
    -- RTP of all its transports; up is from the client.
    packets_up   bigint NOT NULL,
    bytes_up     bigint NOT NULL,
    lost_up      bigint NOT NULL,
    packets_down bigint NOT NULL,
    bytes_down   bigint NOT NULL,
    lost_down    bigint NOT NULL,
    CHECK ((ended IS NULL) = (reason IS NULL))
);
CREATE INDEX media_sessions_server ON media_sessions (server, id);
CREATE INDEX media_sessions_channel ON media_sessions (channel, id);
CREATE INDEX media_sessions_account ON media_sessions (app, accid, id);
CREATE INDEX media_sessions_ended ON media_sessions (ended);
