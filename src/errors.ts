/**
 * The codes of all errors that the engine raises on purpose. They are stable, so users may branch on them.
 * Each part of the package has a list of its own: `CONTRACT_ERROR_CODES`, `SECRET_ERROR_CODES` and
 * `WEBHOOK_ERROR_CODES` of its subpath.
 */
export const INTEGRATION_ERROR_CODES = [
  'INTEGRATION_OPTIONS_INVALID',
  'INTEGRATION_ALREADY_REGISTERED',
  'INTEGRATION_NAME_UNKNOWN',
  'INTEGRATION_DATABASE_UNREACHABLE',
  'INTEGRATION_DATABASE_LOGIN_REFUSED',
  'INTEGRATION_DATABASE_UNKNOWN',
  'INTEGRATION_DATABASE_READ_ONLY',
  'INTEGRATION_DATABASE_UNSUPPORTED',
  'INTEGRATION_DATABASE_POOLED',
  'INTEGRATION_ROW_SECURITY',
  'INTEGRATION_PRIVILEGES_MISSING',
  'INTEGRATION_SCHEMA_MISSING',
  'INTEGRATION_SCHEMA_OUTDATED',
  'INTEGRATION_SCHEMA_NEWER',
  'INTEGRATION_SCHEMA_UNRELEASED',
  'INTEGRATION_MIGRATION_CHANGED',
  'INTEGRATION_MIGRATION_FAILED',
  'INTEGRATION_MIGRATIONS_MISSING',
  'INTEGRATION_PEER_MISSING',
  'INTEGRATION_CLIENT_MISSING',
  'INTEGRATION_CLIENT_IS_ROOT',
  'INTEGRATION_CLIENT_INVALID',
  'INTEGRATION_CLIENT_ELSEWHERE',
  'INTEGRATION_TRANSACTION_FORGOTTEN',
  'INTEGRATION_TRANSACTION_ABORTED',
  'INTEGRATION_TRANSACTION_ENDED',
  'INTEGRATION_ISOLATION_LEVEL',
  'INTEGRATION_OUTBOX_DISABLED',
  'INTEGRATION_EVENT_INVALID',
  'INTEGRATION_PAYLOAD_INVALID',
  'INTEGRATION_PAYLOAD_TOO_LARGE',
  'INTEGRATION_SUBSCRIBER_INVALID',
  'INTEGRATION_SUBSCRIBER_DUPLICATE',
  'INTEGRATION_SUBSCRIBER_CONFLICT',
  'INTEGRATION_SEQUENCE_BEHIND',
  'INTEGRATION_SEQUENCE_EXHAUSTED',
  'INTEGRATION_SETTING_UNKNOWN',
  'INTEGRATION_SETTING_INVALID',
  'INTEGRATION_SETTING_CONFLICT',
  'INTEGRATION_CONSUMER_UNKNOWN',
  'INTEGRATION_CONSUMER_ACTIVE',
  'INTEGRATION_FAILURE_GROUP_UNKNOWN',
  'INTEGRATION_ADMIN_INVALID',
  'INTEGRATION_ADMIN_BUSY',
  'INTEGRATION_ADMIN_TIMEOUT',
  'INTEGRATION_OPERATION_UNKNOWN',
  'INTEGRATION_OPERATION_REFUSED',
  'INTEGRATION_CORRECTION_REFUSED',
  'INTEGRATION_REHEARSAL_REFUSED',
  'INTEGRATION_REHEARSAL_OUTSIDE',
  'INTEGRATION_INBOX_MANAGED',
  'INTEGRATION_INBOX_UNKNOWN',
  'INTEGRATION_LINK_INVALID',
  'INTEGRATION_POSTPONE_INVALID',
  'INTEGRATION_HANDLER_TIMEOUT',
  'INTEGRATION_HANDLER_INTERRUPTED',
  'INTEGRATION_LEASE_LOST',
  'INTEGRATION_DRAIN_TIMEOUT',
  'INTEGRATION_OUTCOME_TIMEOUT',
  'INTEGRATION_CLOSED',
] as const;

/**
 * The codes, for the compiler. A part of the package that has codes of its own adds them to this interface:
 *
 * ```ts
 * declare module '../errors.js' {
 *   interface IntegrationErrorCodes { INTEGRATION_WEBHOOK_REFUSED: true }
 * }
 * ```
 */
export interface IntegrationErrorCodes extends Record<(typeof INTEGRATION_ERROR_CODES)[number], true> {}

/** The codes that an `IntegrationError` may have. */
export type IntegrationErrorCode = keyof IntegrationErrorCodes;

/**
 * An error of this package. `code` identifies it. `message` says what happened and what to do. `details`
 * holds the values that the error is about, but never payloads or credentials.
 */
export class IntegrationError extends Error {
  readonly code: IntegrationErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: IntegrationErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'IntegrationError';
    this.code = code;
    this.details = details;
  }
}

/** A handler throws it when retrying cannot help. The event becomes a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError';
}

/** A handler throws it to be tried again, but not before `delayMs` milliseconds. The attempt counts. */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError';

  constructor(
    readonly delayMs: number,
    message = `Retry requested after ${delayMs} ms`,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A handler throws it when the event is not meant for it. The event is recorded as `skipped` with the reason
 * and never retried.
 */
export class SkipEventError extends Error {
  override readonly name = 'SkipEventError';

  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}

/**
 * A handler throws it when something that it needs (a service, a broker, another database) cannot be reached
 * for any event. No attempt is counted, and a batch stays whole. The consumer pauses for `retryAfterMs`
 * milliseconds if that is given, and otherwise for a time that grows with each failure. Then it tries one
 * event, or one batch, before it continues with all of them.
 */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { retryAfterMs, ...options }: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The longest time for which a handler may put an event off, in milliseconds. It is a year. */
const LONGEST_POSTPONEMENT_MS = 366 * 24 * 3_600_000;
/** The reason of a postponement is cut to this number of characters. */
const LONGEST_REASON = 1_000;

/**
 * A handler throws it to put its event off. The event comes again after `delayMs` milliseconds, and no
 * attempt is counted, however often this happens. At an ordered consumer the later events of the same
 * aggregate wait. Events of other aggregates go on. The events of a batch run one by one from then on.
 *
 * `delayMs` is from 1 to a year. `reason` says in a few words what the event waits for. It is stored and
 * shown to admins, and is cut after 1,000 characters.
 *
 * @throws IntegrationError INTEGRATION_POSTPONE_INVALID if `delayMs` is not such a number, or without a
 * reason
 */
export class PostponeError extends Error {
  override readonly name = 'PostponeError';
  readonly delayMs: number;
  readonly reason: string;

  constructor(delayMs: number, reason: string, options?: ErrorOptions) {
    if (!isPostponement(delayMs)) throw invalidPostponement('delayMs', delayMs);
    if (typeof reason !== 'string' || reason.trim() === '') throw invalidPostponement('reason', reason);
    const text = reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
    super(text, options);
    this.delayMs = delayMs;
    this.reason = text;
  }
}

/** Whether an event may be put off for this long. */
export function isPostponement(delayMs: unknown): delayMs is number {
  return typeof delayMs === 'number' && delayMs >= 1 && delayMs <= LONGEST_POSTPONEMENT_MS;
}

function invalidPostponement(what: 'delayMs' | 'reason', given: unknown): IntegrationError {
  const demand =
    what === 'delayMs'
      ? `delayMs must be a number of milliseconds from 1 to ${LONGEST_POSTPONEMENT_MS} (a year), and not ${String(given)}`
      : 'reason must be a text that says what the event waits for';
  return new IntegrationError('INTEGRATION_POSTPONE_INVALID', `PostponeError(delayMs, reason): ${demand}`, {
    [what]: given,
  });
}

/**
 * This property of the prototypes above says which of the classes it is. It is the same in every copy and
 * version of the package.
 */
const ERROR_CLASS = Symbol.for('nestjs-integration:error-class');

/**
 * The classes that a handler may throw from another copy of the package, by the name that `ERROR_CLASS` gives
 * them.
 */
const CLASSES = {
  IntegrationError,
  NonRetryableError,
  PostponeError,
  RetryAfterError,
  SkipEventError,
  UnavailableError,
};

for (const [name, type] of Object.entries(CLASSES)) {
  Object.defineProperty(type.prototype, ERROR_CLASS, { value: name });
  // A subclass inherits this function. It then uses the ordinary test of `instanceof`.
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, error: unknown): boolean {
      return this === type
        ? errorClassOf(error) === name
        : Function.prototype[Symbol.hasInstance].call(this as () => void, error);
    },
  });
}

/** The class of this package that an error belongs to, in any copy of the package, or undefined. */
function errorClassOf(error: unknown): keyof typeof CLASSES | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    const { [ERROR_CLASS]: known } = error as { [ERROR_CLASS]?: unknown };
    return typeof known === 'string' && Object.hasOwn(CLASSES, known)
      ? (known as keyof typeof CLASSES)
      : undefined;
  } catch {
    // An object that throws when it is inspected is not an error of this package.
    return undefined;
  }
}

/** The text of any thrown value. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something was thrown that has no text';
  }
}
