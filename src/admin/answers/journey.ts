import {
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  oneOf,
  orNull,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { FROM_WORST } from '../../status/journey.js';
import { STATUS } from './events.js';

const DeliveryStatus = oneOf(FROM_WORST);

/** Events on their way through the consumers. The types of the service say what each field means. */
export const Journey = named(
  'Journey',
  object({
    events: list(
      object({
        outboxEventId: UUID,
        position: INTEGER,
        eventName: TEXT,
        sourceModule: TEXT,
        aggregateType: TEXT,
        aggregateId: TEXT,
        timestamp: TIME,
        causedBy: orNull(UUID),
        publishedBy: orNull(TEXT),
        status: STATUS,
        deliveries: list(
          object({
            consumerName: TEXT,
            status: DeliveryStatus,
            attempts: list(object({ attempt: INTEGER, at: TIME, ms: orNull(NUMBER), error: TEXT })),
            runningSince: orNull(TIME),
            doneAt: orNull(TIME),
            says: TEXT,
          }),
        ),
        says: TEXT,
      }),
    ),
    lanes: list(object({ consumerName: TEXT, status: DeliveryStatus, events: INTEGER, says: TEXT })),
    moreLanes: orNull(object({ count: INTEGER, says: TEXT })),
    hasMore: FLAG,
    says: TEXT,
  }),
);
