-- Takes out what only versions before the first release needed.

-- The trigger that showed suspicions in error_fingerprint.
DROP TRIGGER "inbox_event_suspicion_insert" ON "integration"."inbox_event";
DROP TRIGGER "inbox_event_suspicion_update" ON "integration"."inbox_event";
DROP FUNCTION "integration"."show_suspicion"();

-- By whom and why a consumer is paused needs no time beside it: whoever pauses or resumes changes all of them.
ALTER TABLE "integration"."inbox_cursor" DROP COLUMN "paused_by_at";

-- Each process says what it can be asked for. Nobody has 0.
ALTER TABLE "integration"."integration_process" ALTER COLUMN "protocol" SET DEFAULT 1;

-- No long link stands in the table itself.
CREATE OR REPLACE FUNCTION "integration"."keep_long_link"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "integration"."integration_long_link" SELECT NEW.* ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
