import {
  dictionary,
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  orNull,
  pageOf,
  SCALAR,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';

const ATTEMPT = {
  consumerName: TEXT,
  partition: INTEGER,
  position: INTEGER,
  eventName: TEXT,
  events: INTEGER,
  attempt: INTEGER,
  since: TIME,
};

const Process = named(
  'Process',
  object({
    id: UUID,
    host: TEXT,
    pid: INTEGER,
    role: TEXT,
    version: orNull(TEXT),
    startedAt: TIME,
    seenAt: TIME,
    seenSecondsAgo: NUMBER,
    alive: FLAG,
    connected: orNull(FLAG),
    handles: list(TEXT),
    owns: list(object({ consumerName: TEXT, partition: INTEGER, until: TIME })),
    settings: dictionary(SCALAR),
    working: list(object(ATTEMPT)),
  }),
);

export const ProcessPage = named('ProcessPage', pageOf(Process));

export const RunningAttempts = named(
  'RunningAttempts',
  object({ items: list(object({ processId: UUID, host: TEXT, pid: INTEGER, seenAt: TIME, ...ATTEMPT })) }),
);
