import { INTEGER, list, NUMBER, named, object, orNull, TEXT, TIME } from '../../rest/schema.js';

const RANGE = { from: TIME, to: TIME, step: INTEGER };

const LEVELS = {
  publishedPerSecond: orNull(NUMBER),
  backlog: orNull(NUMBER),
  lagSeconds: orNull(NUMBER),
  deadLetters: orNull(INTEGER),
};

const WORK_POINT = {
  at: TIME,
  handledPerSecond: orNull(NUMBER),
  failedPerSecond: orNull(NUMBER),
  latencyMedianSeconds: orNull(NUMBER),
  latencyP95Seconds: orNull(NUMBER),
};

const WorkPoint = named('WorkPoint', object(WORK_POINT));

export const ConsumerRates = named(
  'ConsumerRates',
  object({
    consumerName: TEXT,
    ...RANGE,
    points: list(object({ at: TIME, settledPerSecond: orNull(NUMBER), ...LEVELS })),
  }),
);

export const ConsumerWork = named(
  'ConsumerWork',
  object({ consumerName: TEXT, ...RANGE, points: list(WorkPoint) }),
);

/** All consumers together, and those that did the most. */
export const EngineRates = named(
  'EngineRates',
  object({
    ...RANGE,
    points: list(object({ ...WORK_POINT, ...LEVELS })),
    busiest: list(object({ consumerName: TEXT, points: list(WorkPoint) })),
  }),
);

const FAILED_IN_STEPS = { failed: INTEGER, steps: list(orNull(INTEGER)) };

/** How long events took, and at which consumers attempts failed. */
export const HeatMap = named(
  'HeatMap',
  object({
    ...RANGE,
    latencyBounds: list(orNull(NUMBER)),
    /** Null where no process has measured in a step. */
    steps: list(
      object({
        at: TIME,
        handled: orNull(INTEGER),
        failed: orNull(INTEGER),
        latency: orNull(list(INTEGER)),
      }),
    ),
    failing: list(object({ consumerName: TEXT, ...FAILED_IN_STEPS })),
    others: object({ consumers: INTEGER, ...FAILED_IN_STEPS }),
  }),
);
