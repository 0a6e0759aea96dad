import { OPERATION_STATES } from '../../changes/operations/operation.js';
import { INTEGER, list, named, object, oneOf, orNull, TEXT, TIME, UUID } from './schema.js';

export const Replay = named(
  'Replay',
  object({
    id: UUID,
    consumerName: TEXT,
    eventNames: list(TEXT),
    aggregateType: orNull(TEXT),
    aggregateId: orNull(TEXT),
    since: orNull(TIME),
    until: orNull(TIME),
    nextPosition: INTEGER,
    toPosition: INTEGER,
    sent: INTEGER,
    state: oneOf(OPERATION_STATES.filter((state) => state !== 'planned')),
    operationId: orNull(UUID),
    requestedBy: orNull(TEXT),
    createdAt: TIME,
    finishedAt: orNull(TIME),
  }),
);

export const Replays = named('Replays', object({ items: list(Replay) }));
