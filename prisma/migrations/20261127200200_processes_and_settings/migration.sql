-- The processes, what one of them does at a time, and the settings that all of them follow.

-- The live processes. What a row says is gone when its process is.
CREATE TABLE "integration"."integration_process" (
  "id"             uuid         NOT NULL PRIMARY KEY,
  "role"           varchar(16)  NOT NULL,
  "host"           varchar(255) NOT NULL,
  "pid"            integer      NOT NULL,
  -- The consumers that it could lease.
  "consumers"      text[]       NOT NULL DEFAULT '{}',
  -- The session of its heartbeat connection.
  "backend_pid"    integer,
  "backend_start"  timestamptz,
  "started_at"     timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "seen_at"        timestamptz  NOT NULL DEFAULT clock_timestamp(),
  -- The consumers that it has handlers for, also while its processing is switched off.
  "handles"        text[]       NOT NULL DEFAULT '{}',
  -- Consumers that it works on and whose handlers say that something they need is out of reach: by consumer and
  -- partition (`name/0`), since when and why.
  "unavailable"    jsonb        NOT NULL DEFAULT '{}',
  -- What other processes can ask of it, as a number that rises with the versions of the package. 1: to stop
  -- reading when its consumer gains names (docs/decisions/0089).
  "protocol"       integer      NOT NULL DEFAULT 1,
  -- The run of the server in which it has signed in: when the server was started, and the pids of the server's own
  -- processes. With them a process that starts later can tell whether the backend of an earlier one has ended, or
  -- whether all backends did because the server was restarted, has crashed, or is another one. A crash leaves the
  -- time of the start as it was and gives new pids.
  "server_started" timestamptz,
  "server_pids"    integer[]    NOT NULL DEFAULT '{}',
  -- The version of the package, the values of its settings by their full names, and at most a hundred attempts that
  -- have run for two seconds: consumer, partition, position, event name, attempt and since. Each
  -- renewal writes the latter two, and a change of the last one is written within seconds.
  "version"        varchar(63),
  "settings"       jsonb        NOT NULL DEFAULT '{}',
  "working"        jsonb        NOT NULL DEFAULT '[]'
);

-- The starts of processes, by minute and version of the package ('' if a process does not know it): how many, the time of
-- the first, and where the last of them was started. It stays when the rows of the processes are gone. Kept for
-- hourlyRetentionDays, and the last row of each version for ever.
CREATE TABLE "integration"."integration_start" (
  "minute"    timestamptz  NOT NULL,
  "version"   varchar(63)  NOT NULL,
  "processes" integer      NOT NULL,
  "first_at"  timestamptz  NOT NULL,
  "host"      varchar(255) NOT NULL,
  "pid"       integer      NOT NULL,
  PRIMARY KEY ("minute", "version")
);
CREATE INDEX "integration_start_version_minute_idx" ON "integration"."integration_start" ("version", "minute");

-- Leases for work that is no consumer. The decision: docs/decisions/0060.
-- owner: the process that may do the work until expires_at, by the clock of this database; null for nobody. token:
-- rises with each taking and each giving back. What is saved under a lease names the token, so that a former owner
-- saves nothing. It is the time of the taking in microseconds where that is more than the token before it. So a
-- server that has lost the last takings hands none of their tokens out again. wanted_by: a process with fewer
-- leases that has asked the owner for this one. A free row is kept for it for ten seconds.
-- The room on the pages is for renewals, which change no index.
CREATE TABLE "integration"."integration_lease" (
  "name"       varchar(127) NOT NULL PRIMARY KEY,
  "owner"      uuid,
  "token"      bigint       NOT NULL,
  "expires_at" timestamptz  NOT NULL,
  "wanted_by"  uuid
) WITH (fillfactor = 50);
-- A fence holds its row FOR KEY SHARE. With the token in a key, a taking waits for that lock and a renewal does not
-- (docs/decisions/0090).
CREATE UNIQUE INDEX "integration_lease_name_token_key" ON "integration"."integration_lease" ("name", "token");

-- What is done every few minutes by one process at a time: whoever finds a task due locks its row. From which
-- position it goes on, and when it last began at the beginning.
CREATE TABLE "integration"."integration_maintenance" (
  "task"          varchar(63) NOT NULL PRIMARY KEY,
  "next_position" bigint      NOT NULL DEFAULT 1,
  "began_at"      timestamptz NOT NULL DEFAULT '-infinity',
  "done_at"       timestamptz NOT NULL DEFAULT '-infinity',
  -- What a task found when it was done last, for tasks that look at something. The task `doctor` counts its findings
  -- by severity here.
  "result"        jsonb
);

-- What admins set, and who changed what when.
CREATE TABLE "integration"."integration_setting" (
  "key"        varchar(127) NOT NULL PRIMARY KEY,
  "value"      jsonb        NOT NULL,
  "updated_at" timestamptz  NOT NULL DEFAULT clock_timestamp(),
  "updated_by" varchar(255)
);
CREATE TABLE "integration"."integration_setting_change" (
  "id"         bigint       GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991) PRIMARY KEY,
  "key"        varchar(127) NOT NULL,
  "old_value"  jsonb,
  "new_value"  jsonb,
  "changed_by" varchar(255),
  "changed_at" timestamptz  NOT NULL DEFAULT clock_timestamp()
);
-- The history of one setting.
CREATE INDEX "integration_setting_change_key_idx" ON "integration"."integration_setting_change" ("key", "id");

-- Settings may be changed by plain SQL, so triggers keep who and when, the audit, and wake whoever listens on
-- "<schema>_settings". Who: integration.changed_by if the session set it, else an updated_by that the statement
-- gave, else the session's role.
CREATE FUNCTION "integration"."stamp_setting"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  given text := NEW."updated_by";
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW."key", NEW."value") = (OLD."key", OLD."value") THEN
      NEW."updated_at" := OLD."updated_at";
      NEW."updated_by" := OLD."updated_by";
      RETURN NEW;
    END IF;
    IF NEW."updated_by" IS NOT DISTINCT FROM OLD."updated_by" THEN given := NULL; END IF;
  END IF;
  NEW."updated_at" := clock_timestamp();
  NEW."updated_by" := left(coalesce(nullif(current_setting('integration.changed_by', true), ''), given, session_user), 255);
  RETURN NEW;
END $$;
CREATE TRIGGER "integration_setting_stamp" BEFORE INSERT OR UPDATE ON "integration"."integration_setting"
  FOR EACH ROW EXECUTE FUNCTION "integration"."stamp_setting"();

CREATE FUNCTION "integration"."record_setting_change"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  remover text := left(coalesce(nullif(current_setting('integration.changed_by', true), ''), session_user), 255);
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "changed_by")
      SELECT "key", "value", remover FROM "integration"."integration_setting" ORDER BY "key";
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', '');
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD."key" = NEW."key" THEN
    IF OLD."value" = NEW."value" THEN RETURN NULL; END IF;
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "new_value", "changed_by")
      VALUES (NEW."key", OLD."value", NEW."value", NEW."updated_by");
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', NEW."key");
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "old_value", "changed_by")
      VALUES (OLD."key", OLD."value", remover);
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', OLD."key");
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO "integration"."integration_setting_change" ("key", "new_value", "changed_by")
      VALUES (NEW."key", NEW."value", NEW."updated_by");
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_settings', NEW."key");
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "integration_setting_audit" AFTER INSERT OR UPDATE OR DELETE ON "integration"."integration_setting"
  FOR EACH ROW EXECUTE FUNCTION "integration"."record_setting_change"();
CREATE TRIGGER "integration_setting_audit_truncate" BEFORE TRUNCATE ON "integration"."integration_setting"
  FOR EACH STATEMENT EXECUTE FUNCTION "integration"."record_setting_change"();
