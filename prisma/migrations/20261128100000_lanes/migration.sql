-- Work that leaves the application, for many targets: one row for each target, whatever the work is. Items of work have
-- tables of their own, which are joined by (kind, id).

-- lane: 0 to 63, by the last byte of the id. One process at a time works for the targets of a kind and lane, under the lease
-- lanes.<kind>.<lane>. ready_at: when the next item may run; null if there is none, or while the target is held. failures: how
-- many attempts have failed in a row, and failing_since the time of the first of them; a new owner goes on from there.
-- not_before: the end of a pause of the target, which no new item shortens.
CREATE TABLE "integration"."outgoing_target" (
  "kind"          varchar(15)  NOT NULL,
  "id"            uuid         NOT NULL,
  "tenant_id"     varchar(127) NOT NULL DEFAULT '',
  "lane"          integer      NOT NULL CHECK ("lane" BETWEEN 0 AND 63),
  "ready_at"      timestamptz,
  "held"          boolean      NOT NULL DEFAULT false,
  "failures"      integer      NOT NULL DEFAULT 0,
  "failing_since" timestamptz,
  "not_before"    timestamptz,
  PRIMARY KEY ("kind", "id"),
  CHECK (NOT ("held" AND "ready_at" IS NOT NULL))
);
CREATE INDEX "outgoing_target_ready_idx" ON "integration"."outgoing_target" ("kind", "lane", "ready_at") WHERE "ready_at" IS NOT NULL;
