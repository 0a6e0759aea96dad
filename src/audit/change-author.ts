import { hostname } from 'node:os';
import { checkText, invalidArgument } from '../events/argument-checks.js';

/** The way by which a change was asked for. */
export type AuditVia = 'service' | 'cli' | 'rest';

const WAYS: readonly AuditVia[] = ['service', 'cli', 'rest'];

/** Who makes a change, and why. All of it stands in the audit. */
export interface ChangeAuthor {
  /**
   * A person, or a job: at most 255 characters. The default is `process:<host>`, because nothing more is known
   * then.
   */
  by?: string | undefined;
  /** Why, for whoever reads it later: at most 2,000 characters. */
  reason?: string | undefined;
  /** The default is `service`: code of the application. */
  via?: AuditVia | undefined;
  /** The key of the request, if it has one: at most 255 characters. */
  idempotencyKey?: string | undefined;
}

/** The fields of `ChangeAuthor`, for calls that have more options. */
export const AUTHOR_FIELDS = [
  'by',
  'reason',
  'via',
  'idempotencyKey',
] as const satisfies (keyof ChangeAuthor)[];

/** The author of a change in the form of the audit's columns. */
export interface Author {
  readonly actor: string;
  readonly via: AuditVia;
  readonly reason: string | null;
  readonly idempotencyKey: string | null;
}

const LONGEST_NAME = 255;
const LONGEST_REASON = 2_000;

/**
 * Checks what a call says of its author, and fills in what it leaves out.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID
 */
export function authorOf({ by, reason, via = 'service', idempotencyKey }: ChangeAuthor): Author {
  checkText('by', by, LONGEST_NAME);
  checkText('reason', reason, LONGEST_REASON);
  checkText('idempotencyKey', idempotencyKey, LONGEST_NAME);
  if (!WAYS.includes(via)) throw invalidArgument(`via must be one of ${WAYS.join(', ')}`, { field: 'via' });
  return {
    actor: by === undefined || by.trim() === '' ? `process:${hostname()}` : by,
    via,
    reason: reason ?? null,
    idempotencyKey: idempotencyKey ?? null,
  };
}
