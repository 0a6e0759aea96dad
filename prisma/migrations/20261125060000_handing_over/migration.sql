-- A consumer that gains event names while a process works on it is handed over by that process (consumers/hand-over.store.ts).

-- The lease whose owner goes by fewer names than are stored, and may still be reading. The owner empties this once it reads no more. It
-- means something only as long as it is the cursor's lease_token.
ALTER TABLE "integration"."inbox_cursor" ADD COLUMN "superseded_token" uuid;

-- What a process can be asked for: 0, nothing (earlier versions, which do not know the column); 1, to stop reading.
ALTER TABLE "integration"."integration_process" ADD COLUMN "protocol" integer NOT NULL DEFAULT 0;
