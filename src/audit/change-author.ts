import { hostname } from 'node:os';
import { checkChoice, invalidArgument } from '../words/argument-checks.js';
import { problemOfCharacters } from '../words/text.js';

/** The way by which a change was asked for. */
export type AuditVia = 'service' | 'cli' | 'rest';

const WAYS: readonly AuditVia[] = ['service', 'cli', 'rest'];

/** Who makes a change, and why. All of it stands in the audit. */
export interface ChangeAuthor {
  /**
   * A person, or a job: at most 255 characters. The default is `process:<host>`, because nothing more is
   * known then.
   */
  by?: string | undefined;
  /** Why, for people who read it later: at most 10,000 characters. */
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
const LONGEST_REASON = 10_000;

/**
 * Checks what a call says of its author, and fills in what it leaves out.
 *
 * @throws IntegrationError INTEGRATION_ADMIN_INVALID
 */
export function authorOf({ by, reason, via = 'service', idempotencyKey }: ChangeAuthor): Author {
  checkLine('by', by, LONGEST_NAME);
  checkLine('reason', reason, LONGEST_REASON);
  checkLine('idempotencyKey', idempotencyKey, LONGEST_NAME);
  checkChoice('via', via, WAYS);
  return {
    actor: by === undefined || by.trim() === '' ? `process:${hostname()}` : by,
    via,
    reason: reason ?? null,
    idempotencyKey: idempotencyKey ?? null,
  };
}

/** The name of an author, cut off where it is too long. It is for arguments that always were cut off. */
function shortName(name: string | undefined): string | undefined {
  return name === undefined ? undefined : [...name].slice(0, LONGEST_NAME).join('');
}

/** The author of a call that takes a name, which may be of any length, or all that is known of the author. */
export function authorFrom(changedBy: string | ChangeAuthor): Author {
  return authorOf(typeof changedBy === 'string' ? { by: shortName(changedBy) } : changedBy);
}

function checkLine(field: string, value: unknown, max: number): void {
  const problem = value === undefined ? undefined : problemOf(value, max);
  if (problem !== undefined) throw invalidArgument(`${field} ${problem}`, { field });
}

function problemOf(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  return [...value].length > max ? `has more than ${max} characters` : problemOfCharacters(value);
}
