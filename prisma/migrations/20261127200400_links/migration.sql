-- Relations between entities of different modules, without foreign keys.

CREATE TABLE "integration"."integration_link" (
  "id"                 uuid         NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  "source_module"      varchar(127) NOT NULL,
  "source_entity_type" varchar(127) NOT NULL,
  "source_entity_id"   varchar(255) NOT NULL,
  "target_module"      varchar(127) NOT NULL,
  "target_entity_type" varchar(127) NOT NULL,
  "target_entity_id"   varchar(255) NOT NULL,
  "link_type"          varchar(32)  NOT NULL CHECK ("link_type" IN ('reference', 'cascade', 'aggregate_root')),
  "metadata"           jsonb        NOT NULL DEFAULT '{}',
  "created_at"         timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "updated_at"         timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX "integration_link_key" ON "integration"."integration_link"
  ("source_module", "source_entity_type", "source_entity_id", "target_module", "target_entity_type", "target_entity_id", "link_type");
CREATE INDEX "integration_link_target_idx" ON "integration"."integration_link" ("target_module", "target_entity_type", "target_entity_id");
CREATE INDEX "integration_link_type_idx" ON "integration"."integration_link" ("link_type", "created_at");

-- Links whose key is longer than an entry of an index may be (2704 bytes). The documented length of a link's texts is
-- 1018 characters, which are 4072 bytes where each of them takes four. Such links are kept in a child of the table:
-- whoever reads, changes or deletes rows of the table reaches them as well. The decision: docs/decisions/0043.
CREATE TABLE "integration"."integration_long_link" (
  PRIMARY KEY ("id")
) INHERITS ("integration"."integration_link");
-- The ids go in as digests, so that an entry fits whatever the texts are. No text is ambiguous: each has a column of
-- its own. A backslash is doubled because the cast to bytea takes it for an escape.
CREATE UNIQUE INDEX "integration_long_link_key" ON "integration"."integration_long_link" (
  "source_module", "source_entity_type", sha256(replace("source_entity_id", '\', '\\')::bytea),
  "target_module", "target_entity_type", sha256(replace("target_entity_id", '\', '\\')::bytea), "link_type");
CREATE INDEX "integration_long_link_source_idx" ON "integration"."integration_long_link" ("source_module", "source_entity_type", "source_entity_id");
CREATE INDEX "integration_long_link_target_idx" ON "integration"."integration_long_link" ("target_module", "target_entity_type", "target_entity_id");
CREATE INDEX "integration_long_link_type_idx" ON "integration"."integration_long_link" ("link_type", "created_at");

-- Sends a long link to the child, whoever inserts it. The INSERT then returns no row, as if the link had been there,
-- and who asks for it by its key finds it.
CREATE FUNCTION "integration"."keep_long_link"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "integration"."integration_long_link" SELECT NEW.* ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
-- 2704 bytes less what an entry has beside its texts: 8 bytes, and at most 7 for the length and the alignment of each
-- of seven texts.
CREATE TRIGGER "integration_link_long" BEFORE INSERT ON "integration"."integration_link" FOR EACH ROW
  WHEN (octet_length(NEW."source_module") + octet_length(NEW."source_entity_type") + octet_length(NEW."source_entity_id")
    + octet_length(NEW."target_module") + octet_length(NEW."target_entity_type") + octet_length(NEW."target_entity_id")
    + octet_length(NEW."link_type") > 2640)
  EXECUTE FUNCTION "integration"."keep_long_link"();
