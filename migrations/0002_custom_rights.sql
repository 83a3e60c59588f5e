-- Rights an app defines for itself, and what paging through roles, lists and categories needs.

-- Ids from 10000 on; what is built in ends far below.
CREATE TABLE custom_rights (
    app     bigint  NOT NULL REFERENCES apps ON DELETE CASCADE,
    id      integer NOT NULL CHECK (id >= 10000),
    name    text    NOT NULL CHECK (char_length(name) <= 64),
    created bigint  NOT NULL,
    PRIMARY KEY (app, id)
);

-- Pages are cut by creation time.
CREATE INDEX role_members_created ON role_members (role, created);
CREATE INDEX channel_roles_created ON channel_roles (channel, created);
CREATE INDEX channel_overrides_created ON channel_overrides (channel, created);
CREATE INDEX category_roles_created ON category_roles (category, created);
CREATE INDEX category_overrides_created ON category_overrides (category, created);
CREATE INDEX channel_list_members_created ON channel_list_members (channel, kind, created);
CREATE INDEX channel_list_roles_created ON channel_list_roles (channel, kind, created);
CREATE INDEX category_list_members_created ON category_list_members (category, kind, created);
CREATE INDEX category_list_roles_created ON category_list_roles (category, kind, created);
CREATE INDEX channels_category ON channels (category, created);
