-- What parts of the package say of a process, such as relays and sources.

-- By the name of the part, as its code writes it (docs/decisions/0142). Each renewal writes it whole. NULL where no part says
-- anything, and in the rows of processes that have a version from before this column.
ALTER TABLE "integration"."integration_process" ADD COLUMN "parts" jsonb;
