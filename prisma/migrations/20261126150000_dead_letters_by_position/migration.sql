-- Dead letters of all consumers are listed by position. The other indexes begin with the consumer, so that a list by the name of
-- the event, or by the aggregate, read many of each consumer.
CREATE INDEX "inbox_event_dead_letter_position_idx" ON "integration"."inbox_event" ("position") WHERE "status" = 'dead_letter';
