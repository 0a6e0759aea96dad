-- The way of the ordinary event into the log, as one value: a client's work for a statement grows with the number of its values.
-- `event` is a list: id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata.
DROP PROCEDURE "integration"."append_event"(uuid, text, integer, text, text, text, jsonb, integer, jsonb, bigint);
CREATE PROCEDURE "integration"."append_event"("event" jsonb, INOUT "position" bigint)
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "integration"."outbox_event" ("id", "event_name", "event_version", "source_module",
    "aggregate_type", "aggregate_id", "payload", "payload_bytes", "metadata")
  VALUES (("event"->>0)::uuid, "event"->>1, ("event"->>2)::integer, "event"->>3,
    "event"->>4, "event"->>5, "event"->6, ("event"->>7)::integer, "event"->8)
  RETURNING "outbox_event"."position" INTO "position";
END $$;
