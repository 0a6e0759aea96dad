import { framesWithCauses, textWithCauses } from './error-causes.js';
import { storable, storableWithin } from './storable-text.js';

const MAX_ERROR_LENGTH = 4_000;
/** Bytes of an attempt in the history of its event. */
const STACK_BYTES = 4_096;
const ATTEMPT_ERROR_BYTES = 2_048;

/**
 * An error as it is stored: its text and its causes, of limited length, and without characters that Postgres
 * refuses.
 */
export function errorText(error: unknown): string {
  return storable(textWithCauses(error).slice(0, MAX_ERROR_LENGTH));
}

/** The same for one attempt of several. */
export function attemptErrorText(error: unknown): string {
  return storableWithin(ATTEMPT_ERROR_BYTES, textWithCauses(error));
}

/** The stacks of an error and its causes as they are stored. Null if it has none. */
export function stackText(error: unknown): string | null {
  return storableWithin(STACK_BYTES, framesWithCauses(error)) || null;
}
