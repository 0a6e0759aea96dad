import { messageOf } from '../../errors.js';

/** A chain that is longer says no more; and one may be a circle. */
const MOST_CAUSES = 8;

/**
 * The text of an error with what caused it, each once: `TypeError: fetch failed: connect ECONNREFUSED 127.0.0.1:9`. What a library
 * says of itself is seldom why something failed: its `cause`, or the errors that it gathered, say it.
 */
export function textWithCauses(error: unknown): string {
  const parts: string[] = [];
  for (const each of chainOf(error)) {
    const text = parts.length === 0 ? textOf(each) : textOf(each).replace(/^Error: /, '');
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ');
}

function chainOf(error: unknown): unknown[] {
  const chain = [error];
  // It grows while it is gone through; one that is in it already adds nothing.
  for (const each of chain) {
    for (const cause of causesOf(each)) {
      if (chain.length < MOST_CAUSES && !chain.includes(cause)) chain.push(cause);
    }
  }
  return chain;
}

/** Whatever was thrown may have getters that throw. */
function causesOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  try {
    const { cause, errors } = error as { cause?: unknown; errors?: unknown };
    const gathered = error instanceof AggregateError && Array.isArray(errors) ? errors : [];
    return [...gathered, cause].filter((each) => each instanceof Error || typeof each === 'string');
  } catch {
    return [];
  }
}

function textOf(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof Error)) return message;
  // Without a message, as where every address of a host was tried, the code is all there is.
  const said = message === '' ? codeOf(error) : message;
  return said === '' ? nameOf(error) : `${nameOf(error)}: ${said}`;
}

function codeOf(error: Error): string {
  try {
    const { code } = error as { code?: unknown };
    return typeof code === 'string' ? code : '';
  } catch {
    return '';
  }
}

function nameOf(error: Error): string {
  try {
    return String(error.name);
  } catch {
    return 'Error';
  }
}
