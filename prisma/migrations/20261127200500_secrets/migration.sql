-- Secrets, sealed with AES-256-GCM. The decision: docs/decisions/0063.

-- One key for the data of each tenant (tenant_id is empty for hosts without tenants). wrapped: the key, sealed by a key that the
-- application has and that kek_id names. retired_at: since when nothing new is sealed with it. Without its row, no secret of the
-- tenant can be opened by anybody.
CREATE TABLE "integration"."integration_data_key" (
  "id"         uuid         NOT NULL PRIMARY KEY,
  "tenant_id"  varchar(127) NOT NULL DEFAULT '',
  "wrapped"    bytea        NOT NULL,
  "kek_id"     varchar(127) NOT NULL,
  "created_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "retired_at" timestamptz
);
CREATE UNIQUE INDEX "integration_data_key_active_idx" ON "integration"."integration_data_key" ("tenant_id") WHERE "retired_at" IS NULL;
CREATE INDEX "integration_data_key_kek_idx" ON "integration"."integration_data_key" ("kek_id", "id");

-- valid_until: null for the latest version of a secret; the versions before it are valid until then. A row can be opened only as what
-- it is: its id, tenant, owner, name, version and key are authenticated with it.
CREATE TABLE "integration"."integration_secret" (
  "id"          uuid         NOT NULL PRIMARY KEY,
  "tenant_id"   varchar(127) NOT NULL DEFAULT '',
  "owner_type"  varchar(63)  NOT NULL,
  "owner_id"    varchar(255) NOT NULL,
  "name"        varchar(127) NOT NULL,
  "version"     integer      NOT NULL,
  "data_key_id" uuid         NOT NULL REFERENCES "integration"."integration_data_key" ("id") ON DELETE CASCADE,
  "sealed"      bytea        NOT NULL,
  "valid_until" timestamptz,
  "created_at"  timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX "integration_secret_version_key" ON "integration"."integration_secret" ("tenant_id", "owner_type", "owner_id", "name", "version");
CREATE INDEX "integration_secret_data_key_idx" ON "integration"."integration_secret" ("data_key_id", "id");
