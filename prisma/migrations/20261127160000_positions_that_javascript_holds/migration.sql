-- JavaScript holds whole numbers exactly up to 2^53 - 1 only. An event behind that would be delivered twice or not at all, so the sequence
-- ends there, and publishing is refused. The same holds for the other numbers of rows that are read as numbers. ALTER SEQUENCE leaves
-- reading the tables free.
ALTER SEQUENCE "integration"."outbox_event_position_seq" MAXVALUE 9007199254740991;
ALTER SEQUENCE "integration"."integration_audit_id_seq" MAXVALUE 9007199254740991;
ALTER SEQUENCE "integration"."integration_setting_change_id_seq" MAXVALUE 9007199254740991;
