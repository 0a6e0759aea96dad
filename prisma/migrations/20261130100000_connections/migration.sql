-- Connections of tenants to other people's APIs, and their tokens. The decisions: docs/decisions/0148 and 0149.

-- What the code of connectors says, for people who look while its processes are down.
CREATE TABLE "integration"."connector_definition" (
  "key"        varchar(63)  NOT NULL,
  "version"    varchar(63)  NOT NULL,
  "definition" jsonb        NOT NULL,
  "seen_at"    timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "seen_by"    varchar(255) NOT NULL,
  PRIMARY KEY ("key")
);

-- One connection. health_reason: a sentence without secrets. account: whose account at the provider it is.
-- actions: the actions that it may do; null for all. Its secrets are rows of integration_secret (owner type `connection`).
CREATE TABLE "integration"."connection" (
  "id"             uuid         NOT NULL,
  "tenant_id"      varchar(127) NOT NULL,
  "connector"      varchar(63)  NOT NULL,
  "name"           varchar(255) NOT NULL,
  "state"          varchar(8)   NOT NULL DEFAULT 'draft' CHECK ("state" IN ('draft', 'enabled', 'disabled', 'revoked')),
  "health"         varchar(21)  NOT NULL DEFAULT 'unknown'
    CHECK ("health" IN ('healthy', 'degraded', 'failing', 'needs_reauthorization', 'unknown')),
  "health_reason"  varchar(1000),
  "health_at"      timestamptz,
  "config"         jsonb        NOT NULL,
  "scopes"         text[]       NOT NULL DEFAULT '{}',
  "account"        varchar(255),
  "key_id"         varchar(63)  NOT NULL,
  "key_rotated_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "actions"        jsonb,
  "last_used_at"   timestamptz,
  "created_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("id"),
  UNIQUE ("tenant_id", "id")
) WITH (fillfactor = 80);
CREATE INDEX "connection_connector_idx" ON "integration"."connection" ("tenant_id", "connector", "id");

-- The token of a connection. generation: the version of the secret `token` that is in force. lease_token: whoever refreshes it
-- now. next_refresh_at: before it nobody tries again, after failures. refreshed_at: when this generation was saved.
-- is_renewable: it has a refresh token, which is renewed when it was not used for long. Generation 0: there was no token yet.
CREATE TABLE "integration"."connection_token" (
  "connection_id"    uuid         NOT NULL,
  "tenant_id"        varchar(127) NOT NULL,
  "generation"       integer      NOT NULL,
  "expires_at"       timestamptz,
  "refreshed_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "is_renewable"     boolean      NOT NULL,
  "lease_token"      uuid,
  "lease_expires_at" timestamptz,
  "next_refresh_at"  timestamptz,
  "failures"         integer      NOT NULL DEFAULT 0,
  PRIMARY KEY ("connection_id"),
  FOREIGN KEY ("tenant_id", "connection_id") REFERENCES "integration"."connection" ("tenant_id", "id") ON DELETE CASCADE
) WITH (fillfactor = 70);
CREATE INDEX "connection_token_idle_idx" ON "integration"."connection_token" ("refreshed_at") WHERE "is_renewable";

-- An authorization that a person was sent to the provider for. state_hash: SHA-256 of the state, which is stored nowhere.
-- The verifier of PKCE is a secret of the owner type `oauth_authorization`.
CREATE TABLE "integration"."oauth_authorization" (
  "state_hash"    varchar(64)  NOT NULL,
  "tenant_id"     varchar(127) NOT NULL,
  "connection_id" uuid         NOT NULL,
  "redirect_uri"  text         NOT NULL,
  "scopes"        text[]       NOT NULL,
  "expires_at"    timestamptz  NOT NULL,
  "used_at"       timestamptz,
  PRIMARY KEY ("state_hash"),
  FOREIGN KEY ("tenant_id", "connection_id") REFERENCES "integration"."connection" ("tenant_id", "id") ON DELETE CASCADE
);
CREATE INDEX "oauth_authorization_connection_idx" ON "integration"."oauth_authorization" ("tenant_id", "connection_id");
CREATE INDEX "oauth_authorization_expires_idx" ON "integration"."oauth_authorization" ("expires_at");
