-- What an app's backend says about its accounts, and the ways its accounts may log in.

ALTER TABLE accounts
    ADD COLUMN sign   text     NOT NULL DEFAULT '' CHECK (char_length(sign) <= 256),
    ADD COLUMN email  text     NOT NULL DEFAULT '' CHECK (char_length(email) <= 64),
    ADD COLUMN birth  text     NOT NULL DEFAULT '' CHECK (char_length(birth) <= 16),
    ADD COLUMN mobile text     NOT NULL DEFAULT '' CHECK (char_length(mobile) <= 32),
    -- 0 unknown, 1 male, 2 female.
    ADD COLUMN gender smallint NOT NULL DEFAULT 0 CHECK (gender IN (0, 1, 2)),
    ADD COLUMN ex     text     NOT NULL DEFAULT '' CHECK (char_length(ex) <= 1024);

ALTER TABLE apps
    -- Bits: 1 static token, 2 dynamic token, 4 the app's own server decides.
    ADD COLUMN login_types           smallint NOT NULL DEFAULT 1 CHECK (login_types BETWEEN 0 AND 7),
    -- Asked at every login; empty: nobody is asked.
    ADD COLUMN login_callback        text     NOT NULL DEFAULT '' CHECK (octet_length(login_callback) <= 2048),
    -- What holds when it does not answer.
    ADD COLUMN login_callback_allows boolean  NOT NULL DEFAULT false;
