-- What an operator decides, and the record of it.

-- Payments whose tokens are not honoured any more.
CREATE TABLE revocations (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    reason       TEXT    NOT NULL,          -- the operator's words, may be empty
    revoked_at   INTEGER NOT NULL           -- unix seconds
) STRICT, WITHOUT ROWID;

-- Everything that was changed or asked to change, in order. Append-only: there is no number twice and no gap.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,               -- unix seconds
    role    TEXT    NOT NULL,               -- who: "write" of the admin API, "signal"
    action  TEXT    NOT NULL,               -- "revoke", "restore", "reload", ...
    subject TEXT    NOT NULL,               -- what it was done to
    detail  TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_keeps_its_rows BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE TRIGGER audit_keeps_its_values BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE TRIGGER audit_replaces_nothing BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
