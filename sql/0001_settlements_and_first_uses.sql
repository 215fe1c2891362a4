-- Facts about money and time. Tokens need no row here: they are verified by their keys alone.

-- One row a payment that the node has collected, as the plugin reported it.
CREATE TABLE settlements (
    id                   INTEGER PRIMARY KEY,
    payment_hash         BLOB    NOT NULL UNIQUE CHECK (length(payment_hash) = 32),
    node_id              TEXT    NOT NULL,
    pay_index            INTEGER NOT NULL,  -- the node's own count of payments received
    label                TEXT    NOT NULL,  -- of the node's invoice
    service              TEXT    NOT NULL,  -- empty where the node's record does not tell
    description          TEXT    NOT NULL,
    amount_msat          INTEGER NOT NULL,
    amount_received_msat INTEGER NOT NULL,
    settled_at           INTEGER NOT NULL   -- unix seconds
) STRICT;

CREATE INDEX settlements_by_time ON settlements (settled_at);

-- When a token was used for the first time: its clock starts here where the settlement has not been reported.
CREATE TABLE first_uses (
    payment_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    service       TEXT    NOT NULL,
    first_used_at INTEGER NOT NULL          -- unix seconds
) STRICT, WITHOUT ROWID;

-- Up to where each node's settlements are known.
CREATE TABLE gateway_cursors (
    node_id        TEXT    NOT NULL PRIMARY KEY,
    next_pay_index INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
