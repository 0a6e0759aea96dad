-- What consumers have done, by minutes. The decision: docs/decisions/0054.

-- What one process has done for one consumer in one minute, by the clock of the process: events that were handled (or skipped),
-- attempts that failed, and how long it took from the creation of an event until it was handled. latency: how many events in each
-- class, of which src/consumers/work-counts.ts has the bounds. upto: the end of the time that the row covers. A process overwrites
-- its own row until the minute is over. Kept for a week.
CREATE TABLE "integration"."integration_work" (
  "consumer_name" varchar(127) NOT NULL,
  "at"            timestamptz  NOT NULL,
  "process_id"    uuid         NOT NULL,
  "upto"          timestamptz  NOT NULL,
  "handled"       integer      NOT NULL,
  "failed"        integer      NOT NULL,
  "latency"       integer[]    NOT NULL,
  PRIMARY KEY ("consumer_name", "at", "process_id")
);
CREATE INDEX "integration_work_at_idx" ON "integration"."integration_work" ("at");
