-- What an owner saves is a sign of its life. The decision: docs/decisions/0090.

-- lease_ms: how long the lease of this cursor lasts, as its owner last said with a beat. Each save of the owner makes the lease last so long
-- from then on, and needs no other statement for it. Null: the owner is of an earlier version, whose saves leave the lease as it is.
ALTER TABLE "integration"."inbox_cursor" ADD COLUMN "lease_ms" double precision;

-- A fence holds its row FOR KEY SHARE. With the token in a key, a taking waits for that lock and a renewal does not.
CREATE UNIQUE INDEX "integration_lease_name_token_key" ON "integration"."integration_lease" ("name", "token");
