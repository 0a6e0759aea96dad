-- Consumers that a process works on and whose handlers say that something they need is out of reach: by consumer and partition
-- (`name/0`), since when and why. It belongs to the process, so it is gone when the process is. A process of an earlier version does
-- not know the column and leaves it empty.
ALTER TABLE "integration"."integration_process" ADD COLUMN "unavailable" jsonb NOT NULL DEFAULT '{}';
