import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.js';
import { messageWithoutValues, textWithCauses } from './error-causes.js';

const MAX_ERROR_LENGTH = 4_000;
/** Postgres refuses NUL and lone surrogates in text. */
const UNSTORABLE = /\p{Surrogate}|\0/gu;

/**
 * An error as it is stored: its text and its causes, of limited length, and without characters that Postgres
 * refuses.
 */
export function errorText(error: unknown): string {
  return storable(textWithCauses(error));
}

/**
 * Returns the same for errors that differ only in numbers, ids and quoted values, so that an admin can see
 * kinds of failure. Causes do not count, so that stored kinds keep their fingerprints.
 */
export function errorFingerprint(error: unknown): string {
  const kind = storable(
    error instanceof Error ? `${nameOf(error)}: ${messageWithoutValues(error)}` : messageOf(error),
  )
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '#')
    .replace(/"[^"]*"|'[^']*'/g, '#')
    .replace(/\d+/g, '#');
  return createHash('sha256').update(kind).digest('hex').slice(0, 32);
}

function storable(text: string): string {
  return text.slice(0, MAX_ERROR_LENGTH).replace(UNSTORABLE, '\uFFFD');
}

function nameOf(error: Error): string {
  try {
    return String(error.name);
  } catch {
    return 'Error';
  }
}
