-- Why an event is delivered once more, as far as no row of the inbox says it.

-- The events that replays of whole ranges have put back into unread, the newest replay first: [{id, positions}], where
-- positions is a multirange as text. A position stands in one of them at most. It stays when its event is settled, because
-- an event that fails after its replay runs again as part of that replay.
ALTER TABLE "integration"."inbox_cursor" ADD COLUMN "replays" jsonb NOT NULL DEFAULT '[]';
