CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,               -- unix seconds
    role    TEXT    NOT NULL,               -- who: "write" of the admin API, "signal"
    action  TEXT    NOT NULL,               -- "revoke", "restore", "reload", ...
    subject TEXT    NOT NULL,               -- what it was done to
    detail  TEXT    NOT NULL
) STRICT;
INSERT INTO "audit" VALUES(1,1795883003,'write','grant','cdb13f692bc51ade4e29df22824d80c119a8a10117d8da67bc991fbfadc40a13','{"payment_hash":"cdb13f692bc51ade4e29df22824d80c119a8a10117d8da67bc991fbfadc40a13","token_id":"00009e5a8131dfe81828107f331d3713f9c40f3c7e704d1bbf1d01e720329f2b","service":"varied","route":null,"uses":null,"granted_at":1795883003,"ends_at":null,"reason":"a gift"}');
INSERT INTO "audit" VALUES(2,1795883003,'write','grant','5dc0a54e8227eb9c8b3cd61308d14cb661143249117e60f1f2b0df793eebb2d9','{"payment_hash":"5dc0a54e8227eb9c8b3cd61308d14cb661143249117e60f1f2b0df793eebb2d9","token_id":"0000ac7d180457d136ce98b52ad21b5b99cd2b05e9ef5889b7bf1f3791babcad","service":"varied","route":null,"uses":null,"granted_at":1795883003,"ends_at":null,"reason":"a gift"}');
INSERT INTO "audit" VALUES(3,1795883003,'write','grant','e1dfa8e5fee305dfe5f37a153c6e479e40ac10fb45e4ae5fc5a298197861f8e5','{"payment_hash":"e1dfa8e5fee305dfe5f37a153c6e479e40ac10fb45e4ae5fc5a298197861f8e5","token_id":"00006ce0aa12d7d67ea52030f0bd09a6bcf6de5969f3ba969ba0e887866c473e","service":"uses","route":null,"uses":5,"granted_at":1795883003,"ends_at":null,"reason":"a gift"}');
INSERT INTO "audit" VALUES(4,1795883003,'write','grant','ef26340e47f7e1df94709dfed140f86afc1d04c98e4e9341deb3aeec5fe7085f','{"payment_hash":"ef26340e47f7e1df94709dfed140f86afc1d04c98e4e9341deb3aeec5fe7085f","token_id":"00001cb2aac2f3ca5f4be8f87df215e513c50b3d3d91238f8bca333964ffb6bd","service":"pool","route":null,"uses":null,"granted_at":1795883003,"ends_at":null,"reason":"a gift"}');
INSERT INTO "audit" VALUES(5,1795883003,'write','grant','e609898f53b8ee06cf5ee4a868330a25b73696ff9c387e7ced453a08cf4ffdb5','{"payment_hash":"e609898f53b8ee06cf5ee4a868330a25b73696ff9c387e7ced453a08cf4ffdb5","token_id":"0000a48bb9b72099a6aec1b128f959493a7b5bb673eb8b0b7490036f1bf11f58","service":"docs","route":null,"uses":null,"granted_at":1795883003,"ends_at":null,"reason":"a gift"}');
INSERT INTO "audit" VALUES(6,1795883003,'write','grant','d65f2684986e57f0bb763dc2f27474b997c9f8aec4274b11f559711cf04bffbb','{"payment_hash":"d65f2684986e57f0bb763dc2f27474b997c9f8aec4274b11f559711cf04bffbb","token_id":"0000a774edea9f03d444f7bcce612f8e90863e5e775cfbdefc01eeba5e6d00e3","service":"plain","route":null,"uses":null,"granted_at":1795883003,"ends_at":3377003003,"reason":"a gift"}');
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
CREATE TABLE first_uses (
    payment_hash  BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    service       TEXT    NOT NULL,
    first_used_at INTEGER NOT NULL          -- unix seconds
, token_id BLOB CHECK (token_id IS NULL OR length(token_id) = 32)) STRICT, WITHOUT ROWID;
INSERT INTO "first_uses" VALUES(X'71841874D861B627B68F7AA84BD5FDC49E0F7997C9C9DD7D25CDFC2A13F43E1F','docs',1795883002,X'0000B603FE32F2791A6C5FF02DA35A6BB5090D19BBEE07A113F69BB6B74C1A74');
INSERT INTO "first_uses" VALUES(X'77BB372064EFFADE16AD98C436C003882D55A60BC19516D5CDBE60D7894D7215','pool',1795883002,X'0000E2E1A1A710F71D28F8329177EBAB1F9AF3F6FE724A19CBCC6FF7571610AC');
INSERT INTO "first_uses" VALUES(X'86FAF0DF5DEE31F68F654A2425BEF144F5BE290DFEE5D0D4FD323D03358F4DFD','uses',1795883003,X'000058E29A12E64B8B8C26432D9DB8A94646E7E48CA36D6DDB0A770B2469EAE0');
CREATE TABLE free_use_key (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
INSERT INTO "free_use_key" VALUES(1,X'2DB2748E27551136DC63D8711F50F1A6315B17AF30ECBC0CECBCF64F337527BD');
CREATE TABLE free_uses (
    service    TEXT    NOT NULL,
    prefix     BLOB    NOT NULL CHECK (length(prefix) = 16),  -- HMAC-SHA256 of the network prefix, cut: no address
    started_at INTEGER NOT NULL,                              -- unix seconds: of the window's first request
    ends_at    INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    PRIMARY KEY (service, prefix)
) STRICT, WITHOUT ROWID;
CREATE TABLE gateway_cursors (
    node_id        TEXT    NOT NULL PRIMARY KEY,
    next_pay_index INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "gateway_cursors" VALUES('021111111111111111111111111111111111111111111111111111111111111111',12);
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
INSERT INTO "grants" VALUES(X'5DC0A54E8227EB9C8B3CD61308D14CB661143249117E60F1F2B0DF793EEBB2D9',X'0000AC7D180457D136CE98B52AD21B5B99CD2B05E9EF5889B7BF1F3791BABCAD','varied','',NULL,'a gift',1795883003,NULL);
INSERT INTO "grants" VALUES(X'CDB13F692BC51ADE4E29DF22824D80C119A8A10117D8DA67BC991FBFADC40A13',X'00009E5A8131DFE81828107F331D3713F9C40F3C7E704D1BBF1D01E720329F2B','varied','',NULL,'a gift',1795883003,NULL);
INSERT INTO "grants" VALUES(X'D65F2684986E57F0BB763DC2F27474B997C9F8AEC4274B11F559711CF04BFFBB',X'0000A774EDEA9F03D444F7BCCE612F8E90863E5E775CFBDEFC01EEBA5E6D00E3','plain','',NULL,'a gift',1795883003,3377003003);
INSERT INTO "grants" VALUES(X'E1DFA8E5FEE305DFE5F37A153C6E479E40AC10FB45E4AE5FC5A298197861F8E5',X'00006CE0AA12D7D67EA52030F0BD09A6BCF6DE5969F3BA969BA0E887866C473E','uses','',5,'a gift',1795883003,NULL);
INSERT INTO "grants" VALUES(X'E609898F53B8EE06CF5EE4A868330A25B73696FF9C387E7CED453A08CF4FFDB5',X'0000A48BB9B72099A6AEC1B128F959493A7B5BB673EB8B0B7490036F1BF11F58','docs','',NULL,'a gift',1795883003,NULL);
INSERT INTO "grants" VALUES(X'EF26340E47F7E1DF94709DFED140F86AFC1D04C98E4E9341DEB3AEEC5FE7085F',X'00001CB2AAC2F3CA5F4BE8F87DF215E513C50B3D3D91238F8BCA333964FFB6BD','pool','',NULL,'a gift',1795883003,NULL);
CREATE TABLE revocations (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    reason       TEXT    NOT NULL,          -- the operator's words, may be empty
    revoked_at   INTEGER NOT NULL           -- unix seconds
) STRICT, WITHOUT ROWID;
CREATE TABLE services (
    name       TEXT    NOT NULL PRIMARY KEY,
    definition TEXT    NOT NULL,            -- JSON: the keys of a [[service]], as they were given
    in_front   INTEGER NOT NULL CHECK (in_front IN (0, 1)),  -- asked before the services of the file; else behind them
    position   INTEGER NOT NULL UNIQUE,     -- their order
    created_at INTEGER NOT NULL,            -- unix seconds
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session_deposits (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    session_id   BLOB    NOT NULL REFERENCES sessions (id),
    amount_msat  INTEGER NOT NULL,
    challenge_id TEXT    NOT NULL,
    credited_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
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
INSERT INTO "settlements" VALUES(1,X'3E677E36588D75DBA87F90D1010A73EE7CB38E18CB5C051A67478D31C1478719','021111111111111111111111111111111111111111111111111111111111111111',1,'millrace-3e677e36588d75dba87f90d1010a73ee7cb38e18cb5c051a67478d31c1478719','plain','L402: plain',1000,1000,1795883002);
INSERT INTO "settlements" VALUES(2,X'09FD390D7F15E9BC923834F9B8AA427C4589B042D00F95EB670CD8EA89EC3057','021111111111111111111111111111111111111111111111111111111111111111',2,'millrace-09fd390d7f15e9bc923834f9b8aa427c4589b042d00f95eb670cd8ea89ec3057','varied','L402: varied',1000,1000,1795883002);
INSERT INTO "settlements" VALUES(3,X'D6B0741F31FB1DDC660888295018CF6F1A5FC40FB7787C2EC1188CBD82635A32','021111111111111111111111111111111111111111111111111111111111111111',3,'millrace-d6b0741f31fb1ddc660888295018cf6f1a5fc40fb7787c2ec1188cbd82635a32','varied','L402: varied',5000,5000,1795883002);
INSERT INTO "settlements" VALUES(4,X'564A87D0C0C19145B6F1E51F7C53068C3987D7A093810A6B7ED70FA38F1AFD96','021111111111111111111111111111111111111111111111111111111111111111',4,'millrace-564a87d0c0c19145b6f1e51f7c53068c3987d7a093810a6b7ed70fa38f1afd96','varied','L402: varied',700,700,1795883002);
INSERT INTO "settlements" VALUES(5,X'77BB372064EFFADE16AD98C436C003882D55A60BC19516D5CDBE60D7894D7215','021111111111111111111111111111111111111111111111111111111111111111',5,'millrace-77bb372064effade16ad98c436c003882d55a60bc19516d5cdbe60d7894d7215','pool','L402: pool',1000,1000,1795883002);
INSERT INTO "settlements" VALUES(6,X'71841874D861B627B68F7AA84BD5FDC49E0F7997C9C9DD7D25CDFC2A13F43E1F','021111111111111111111111111111111111111111111111111111111111111111',6,'millrace-71841874d861b627b68f7aa84bd5fdc49e0f7997c9c9dd7d25cdfc2a13f43e1f','docs','L402: docs',2000,2000,1795883002);
INSERT INTO "settlements" VALUES(7,X'FCD878E741856DE3A30671750856A9E70DC343AAB958CB7608965CBAA674C015','021111111111111111111111111111111111111111111111111111111111111111',7,'millrace-fcd878e741856de3a30671750856a9e70dc343aab958cb7608965cbaa674c015','docs','L402: docs',1000,1000,1795883003);
INSERT INTO "settlements" VALUES(8,X'86FAF0DF5DEE31F68F654A2425BEF144F5BE290DFEE5D0D4FD323D03358F4DFD','021111111111111111111111111111111111111111111111111111111111111111',8,'millrace-86faf0df5dee31f68f654a2425bef144f5be290dfee5d0d4fd323d03358f4dfd','uses','L402: uses',1000,1000,1795883003);
INSERT INTO "settlements" VALUES(9,X'72E3E5D95C655E5D238B9D642F8F915FE27FDB67E9713B7FCB47C29F61C61AA2','021111111111111111111111111111111111111111111111111111111111111111',9,'millrace-72e3e5d95c655e5d238b9d642f8f915fe27fdb67e9713b7fcb47c29f61c61aa2','priced','L402: priced',2000,2000,1795883003);
INSERT INTO "settlements" VALUES(10,X'23189339A1383DBF5AC0BB48A59106971C79D3A0A7A8CD28B74A63B9A1883778','021111111111111111111111111111111111111111111111111111111111111111',10,'millrace-23189339a1383dbf5ac0bb48a59106971c79d3a0a7a8cd28b74a63b9a1883778','poles','L402: poles',1000,1000,1795883003);
INSERT INTO "settlements" VALUES(11,X'B19203F5A4037F9412BD0557D68C94AE8A2EB578439C2A217EDA5684FDD84469','021111111111111111111111111111111111111111111111111111111111111111',11,'millrace-b19203f5a4037f9412bd0557d68c94ae8a2eb578439c2a217eda5684fdd84469','plain','L402: plain',1000,1000,1795883003);
CREATE TABLE token_usage (
    payment_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(payment_hash) = 32),
    service      TEXT    NOT NULL,          -- or realm, in whose name the token was sold
    uses         INTEGER NOT NULL,          -- requests answered
    bytes        INTEGER NOT NULL,          -- of response bodies
    spent_msat   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "token_usage" VALUES(X'71841874D861B627B68F7AA84BD5FDC49E0F7997C9C9DD7D25CDFC2A13F43E1F','docs',2,0,0);
INSERT INTO "token_usage" VALUES(X'77BB372064EFFADE16AD98C436C003882D55A60BC19516D5CDBE60D7894D7215','pool',0,0,200);
INSERT INTO "token_usage" VALUES(X'86FAF0DF5DEE31F68F654A2425BEF144F5BE290DFEE5D0D4FD323D03358F4DFD','uses',2,0,0);
CREATE INDEX settlements_by_time ON settlements (settled_at);
CREATE INDEX consumed_charges_by_end ON consumed_charges (replay_until);
CREATE TRIGGER audit_keeps_its_rows BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE TRIGGER audit_keeps_its_values BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE TRIGGER audit_replaces_nothing BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'the audit table is append-only');
END;
CREATE INDEX free_uses_by_end ON free_uses (ends_at);
CREATE INDEX session_deposits_by_session ON session_deposits (session_id);
CREATE INDEX grants_by_time ON grants (granted_at);
CREATE INDEX first_uses_by_token ON first_uses (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX first_uses_by_time ON first_uses (first_used_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',6);
PRAGMA application_id = 1298754668;
PRAGMA user_version = 8;
