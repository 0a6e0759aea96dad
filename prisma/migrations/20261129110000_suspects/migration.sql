-- Which events of a consumer of batches may have ended its process, once there are fewer than all that were being read.

-- The group of suspects that was begun last ends below this position. It is written before the group runs. So an owner
-- that finds unread events below it knows that the process ended while they ran. NULL where no group has run.
ALTER TABLE "integration"."inbox_cursor" ADD COLUMN "suspects_below" bigint;
