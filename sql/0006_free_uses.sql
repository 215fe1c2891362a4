-- Requests that were served for nothing on a service's free allowance: one row a service and network prefix, removed
-- some time after its window. A request is here before the first byte of its response is sent.
CREATE TABLE free_uses (
    service    TEXT    NOT NULL,
    prefix     BLOB    NOT NULL CHECK (length(prefix) = 16),  -- HMAC-SHA256 of the network prefix, cut: no address
    started_at INTEGER NOT NULL,                              -- unix seconds: of the window's first request
    ends_at    INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    PRIMARY KEY (service, prefix)
) STRICT, WITHOUT ROWID;

CREATE INDEX free_uses_by_end ON free_uses (ends_at);

-- The key of that HMAC, drawn once. Whoever has this file can find out by trial which prefix a row is of.
CREATE TABLE free_use_key (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
