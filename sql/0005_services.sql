-- Services that were made through the admin API, beside those of the configuration file.
CREATE TABLE services (
    name       TEXT    NOT NULL PRIMARY KEY,
    definition TEXT    NOT NULL,            -- JSON: the keys of a [[service]], as they were given
    in_front   INTEGER NOT NULL CHECK (in_front IN (0, 1)),  -- asked before the services of the file; else behind them
    position   INTEGER NOT NULL UNIQUE,     -- their order
    created_at INTEGER NOT NULL,            -- unix seconds
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
