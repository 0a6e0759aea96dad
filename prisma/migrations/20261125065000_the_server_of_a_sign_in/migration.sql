-- The run of the server in which a process has signed in: when the server was started, and the pids of the server's own processes. With
-- them a process that starts later can tell whether the backend of an earlier one has ended, or whether all backends did because the
-- server was restarted, has crashed, or is another one. A crash leaves the time of the start as it was and gives new pids. A process of
-- an earlier version does not know the columns and leaves them empty; nothing is concluded about it then.
ALTER TABLE "integration"."integration_process" ADD COLUMN IF NOT EXISTS "server_started" timestamptz;
ALTER TABLE "integration"."integration_process" ADD COLUMN IF NOT EXISTS "server_pids" integer[] NOT NULL DEFAULT '{}';
