import { ANY_JSON, INTEGER, named, object, oneOf, orNull, pageOf, TEXT, TIME } from '../../rest/schema.js';

const AuditEntry = named(
  'AuditEntry',
  object({
    id: INTEGER,
    at: TIME,
    actor: TEXT,
    via: oneOf(['service', 'cli', 'rest']),
    action: TEXT,
    target: orNull(TEXT),
    before: ANY_JSON,
    after: ANY_JSON,
    reason: orNull(TEXT),
    affected: orNull(INTEGER),
    outcome: oneOf(['done', 'failed', 'denied']),
    idempotencyKey: orNull(TEXT),
  }),
);

/** `scannedTo` is the time that the page has looked back to, if it ended before it was full. */
export const AuditPage = named('AuditPage', pageOf(AuditEntry, { scannedTo: orNull(TIME) }));
