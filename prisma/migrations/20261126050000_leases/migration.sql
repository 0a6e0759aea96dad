-- Leases for work that is no consumer. The decision: docs/decisions/0060.

-- owner: the process that may do the work until expires_at, by the clock of this database; null for nobody. token: rises with each taking
-- and each giving back. What is saved under a lease names the token, so that a former owner saves nothing. It is the time of the taking in
-- microseconds where that is more than the token before it. So a server that has lost the last takings hands none of their tokens out
-- again. wanted_by: a process with fewer leases that has asked the owner for this one. A free row is kept for it for ten seconds.
-- The room on the pages is for renewals, which change no index.
CREATE TABLE "integration"."integration_lease" (
  "name"       varchar(127) NOT NULL PRIMARY KEY,
  "owner"      uuid,
  "token"      bigint       NOT NULL,
  "expires_at" timestamptz  NOT NULL,
  "wanted_by"  uuid
) WITH (fillfactor = 50);
