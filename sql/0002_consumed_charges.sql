-- Charges of the Payment scheme that were used: each buys one request. Removed some time after their challenge expired.
CREATE TABLE consumed_charges (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    challenge_id TEXT    NOT NULL,
    service      TEXT    NOT NULL,
    request      BLOB    NOT NULL CHECK (length(request) = 32),  -- SHA-256 of method, host and target
    replays      INTEGER NOT NULL DEFAULT 0,  -- how often the same request came again and was let through
    consumed_at  INTEGER NOT NULL,            -- unix seconds, as the others
    replay_until INTEGER NOT NULL,            -- from then on it is let through no more
    expires_at   INTEGER NOT NULL             -- of the challenge
) STRICT, WITHOUT ROWID;

CREATE INDEX consumed_charges_by_end ON consumed_charges (replay_until);
