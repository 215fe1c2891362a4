-- What tokens have used of a quota or a balance, one row a token. Rows are only ever added to: a use is here before the
-- first byte of the response that it paid for is sent, and bytes that were set aside and not needed are taken off again.
CREATE TABLE token_usage (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    service      TEXT    NOT NULL,          -- or realm, in whose name the token was sold
    uses         INTEGER NOT NULL,          -- requests answered
    bytes        INTEGER NOT NULL,          -- of response bodies
    spent_msat   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
