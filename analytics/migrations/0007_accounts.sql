-- People with a name: of every secret only a hash is here, argon2id of passwords, SHA-256 of what is 32 random bytes.
CREATE TABLE account (
    account_id VARCHAR NOT NULL, name VARCHAR NOT NULL, role VARCHAR NOT NULL, password VARCHAR, issuer VARCHAR,
    subject VARCHAR, active BOOLEAN NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE api_key (
    key_id VARCHAR NOT NULL, account_id VARCHAR NOT NULL, name VARCHAR NOT NULL, secret_sha256 VARCHAR NOT NULL,
    scopes JSON NOT NULL, until DOUBLE, requests_per_minute BIGINT, tokens_per_day BIGINT, revoked BOOLEAN NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE session (
    session_id VARCHAR NOT NULL, account_id VARCHAR NOT NULL, secret_sha256 VARCHAR NOT NULL, until DOUBLE NOT NULL,
    ended BOOLEAN NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE link (
    link_id VARCHAR NOT NULL, account_id VARCHAR, role VARCHAR NOT NULL, secret_sha256 VARCHAR NOT NULL,
    until DOUBLE NOT NULL, state VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
