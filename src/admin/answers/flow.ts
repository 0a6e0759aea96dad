import { INTEGER, list, NUMBER, named, object, oneOf, orNull, TEXT, TIME } from '../../rest/schema.js';
import { FLOW_STATES } from '../../status/flow.js';
import { Counted } from './counted.js';

const FlowRest = object({ count: INTEGER, says: TEXT });

/** The way of events. The types of the service say what each field means. */
export const FlowMap = named(
  'FlowMap',
  object({
    at: TIME,
    window: object({ events: INTEGER, from: orNull(TIME), seconds: NUMBER, says: TEXT }),
    names: list(
      object({
        sourceModule: TEXT,
        eventName: TEXT,
        events: INTEGER,
        perSecond: NUMBER,
        consumers: INTEGER,
        says: TEXT,
      }),
    ),
    moreNames: orNull(FlowRest),
    consumers: list(
      object({
        consumerName: TEXT,
        eventNames: list(TEXT),
        state: oneOf(FLOW_STATES),
        deadLetters: Counted,
        lagSeconds: orNull(NUMBER),
        perSecond: NUMBER,
        names: INTEGER,
        from: list(INTEGER),
        says: TEXT,
      }),
    ),
    moreConsumers: orNull(FlowRest),
  }),
);
