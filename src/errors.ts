/**
 * Every error that this package raises on purpose. The codes are stable: users may branch on them.
 */
export const INTEGRATION_ERROR_CODES = [
  'INTEGRATION_OPTIONS_INVALID',
  'INTEGRATION_ALREADY_REGISTERED',
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
  'INTEGRATION_MIGRATION_CHANGED',
  'INTEGRATION_MIGRATION_FAILED',
  'INTEGRATION_MIGRATIONS_MISSING',
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
  'INTEGRATION_SETTING_UNKNOWN',
  'INTEGRATION_SETTING_INVALID',
  'INTEGRATION_CONSUMER_UNKNOWN',
  'INTEGRATION_CONSUMER_ACTIVE',
  'INTEGRATION_ADMIN_INVALID',
  'INTEGRATION_INBOX_MANAGED',
  'INTEGRATION_INBOX_UNKNOWN',
  'INTEGRATION_LINK_INVALID',
  'INTEGRATION_HANDLER_TIMEOUT',
  'INTEGRATION_HANDLER_INTERRUPTED',
  'INTEGRATION_LEASE_LOST',
  'INTEGRATION_DRAIN_TIMEOUT',
  'INTEGRATION_OUTCOME_TIMEOUT',
  'INTEGRATION_CLOSED',
] as const;

/**
 * The codes, for the compiler. Whoever brings codes of its own adds them to this interface:
 *
 * ```ts
 * declare module '../errors.js' {
 *   interface IntegrationErrorCodes { INTEGRATION_WEBHOOK_REFUSED: true }
 * }
 * ```
 */
export interface IntegrationErrorCodes extends Record<(typeof INTEGRATION_ERROR_CODES)[number], true> {}

/** What an `IntegrationError` may have as its code. */
export type IntegrationErrorCode = keyof IntegrationErrorCodes;

/**
 * An error of this package: `code` says which, `message` says what happened and what to do, `details`
 * holds the values it is about (never payloads or credentials).
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

/** Thrown by a handler: retrying cannot help, the event becomes a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError';
}

/** Thrown by a handler: try again, but not before `delayMs` milliseconds. The attempt counts. */
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

/** Thrown by a handler: this event is not for it. Recorded as `skipped` with the reason; never retried. */
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
 * Thrown by a handler: something that it needs (a service, a broker, another database) is out of reach for
 * every event, not for this one. No attempt is counted and a batch stays whole. The consumer pauses, longer
 * each time, or for `retryAfterMs` milliseconds where that is given, and then tries one event, or one batch,
 * before it goes on with all.
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

/**
 * On the prototypes of the classes above, the same in every copy and version of the package: which of them it
 * is.
 */
const ERROR_CLASS = Symbol.for('nestjs-integration:error-class');

/** The classes that a handler may throw of another copy of the package, by what `ERROR_CLASS` calls them. */
const CLASSES = { IntegrationError, NonRetryableError, RetryAfterError, SkipEventError, UnavailableError };

for (const [name, type] of Object.entries(CLASSES)) {
  Object.defineProperty(type.prototype, ERROR_CLASS, { value: name });
  // A subclass inherits this, and asks in the ordinary way.
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, error: unknown): boolean {
      return this === type
        ? errorClassOf(error) === name
        : Function.prototype[Symbol.hasInstance].call(this as () => void, error);
    },
  });
}

/** Which class of this package an error is of, in whichever copy of it; undefined: none. */
function errorClassOf(error: unknown): keyof typeof CLASSES | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    const { [ERROR_CLASS]: known } = error as { [ERROR_CLASS]?: unknown };
    return typeof known === 'string' && Object.hasOwn(CLASSES, known)
      ? (known as keyof typeof CLASSES)
      : undefined;
  } catch {
    // One that cannot be looked at is none of ours.
    return undefined;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something was thrown that has no text';
  }
}
