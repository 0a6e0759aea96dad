-- Rows whose next attempt runs alone are looked for one by one after a process was killed. They come in the order of their times, so that
-- many thousand rows that are due before them are not looked at each time. Hardly any row is in this index. Building it reads the table
-- once, and publishing does not wait for it.
CREATE INDEX "inbox_event_suspect_idx" ON "integration"."inbox_event" ("consumer_name", "partition", "available_at", "position")
  WHERE "suspicion" = 'interrupted';
