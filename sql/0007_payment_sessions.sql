-- Sessions of the Payment scheme: a deposit that requests draw their price from, and of which the rest is paid back.
-- What they have spent is in token_usage until they are closed. Closed ones stay: nothing opens them again.
CREATE TABLE sessions (
    number          INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 32),  -- payment hash of the first deposit
    scope           TEXT    NOT NULL,             -- what it opens: a service or realm, or one route of it
    service         TEXT    NOT NULL,             -- or realm, in whose name it was sold
    deposit_msat    INTEGER NOT NULL,             -- all its deposits
    return_invoice  TEXT    NOT NULL,
    idle_seconds    INTEGER NOT NULL,             -- unused for so long, it is closed
    opened_at       INTEGER NOT NULL,             -- unix seconds, as the others
    used_at         INTEGER NOT NULL,             -- at the latest so far, to within idle_seconds
    closed_at       INTEGER,                      -- NULL: open
    closed_by       TEXT    NOT NULL DEFAULT '',  -- "client", "idle", "operator"
    close_challenge TEXT    NOT NULL DEFAULT '',  -- the id of the challenge that the client's close answered
    spent_msat      INTEGER NOT NULL DEFAULT 0,   -- once it is closed; deposit_msat = spent_msat + refund_msat
    refund_msat     INTEGER NOT NULL DEFAULT 0,
    refund_state    TEXT    NOT NULL DEFAULT '',  -- "pending", "succeeded", "failed", "skipped": less than a satoshi
    refund_reason   TEXT    NOT NULL DEFAULT '',  -- of one that failed, so far
    refund_fee_msat INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Each payment is the deposit of one session, once. An action that is asked for again is known by its challenge.
CREATE TABLE session_deposits (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    session_id   BLOB    NOT NULL REFERENCES sessions (id),
    amount_msat  INTEGER NOT NULL,
    challenge_id TEXT    NOT NULL,
    credited_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_deposits_by_session ON session_deposits (session_id);
