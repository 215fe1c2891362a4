-- For how long what tokens have used matters. One row a name that tokens are sold in.
CREATE TABLE sold_terms (
    service      TEXT    NOT NULL PRIMARY KEY,  -- or realm
    longest      INTEGER,                       -- seconds: the longest time that its tokens were ever good for; NULL: no end
    ended_before INTEGER NOT NULL DEFAULT 0     -- unix seconds: whose clock started earlier has ended for good, whatever is
                                                -- sold since: what it used may be gone
) STRICT, WITHOUT ROWID;
