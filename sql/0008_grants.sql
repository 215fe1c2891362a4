-- What an operator gives away, and by which id a token is found.

-- Tokens that were given away, without a payment: the hash is that of a preimage drawn for it.
CREATE TABLE grants (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    token_id     BLOB    NOT NULL UNIQUE CHECK (length(token_id) = 32),
    service      TEXT    NOT NULL,          -- or realm, in whose name the token is
    route        TEXT    NOT NULL,          -- empty: not for a route alone
    uses         INTEGER,                   -- in place of what the service sells; NULL: as it sells
    reason       TEXT    NOT NULL,          -- the operator's words
    granted_at   INTEGER NOT NULL,          -- unix seconds; the token's clock starts here
    ends_at      INTEGER                    -- in place of the service's timeout; NULL: as the service has it
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_by_time ON grants (granted_at);

-- Of the token that was used; NULL in rows of before this was kept.
ALTER TABLE first_uses ADD COLUMN token_id BLOB CHECK (token_id IS NULL OR length(token_id) = 32);
CREATE INDEX first_uses_by_token ON first_uses (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX first_uses_by_time ON first_uses (first_used_at);
