import { messageOf } from '../../errors.js';

/** A chain that is longer says no more; and one may be a circle. */
const MOST_CAUSES = 8;
const MOST_FRAMES = 20;
const LONGEST_TEXT = 4_000;

/**
 * The text of an error with what caused it, each once: `TypeError: fetch failed: connect ECONNREFUSED
 * 127.0.0.1:9`. What a library says of itself is seldom why something failed: its `cause`, or the errors that
 * it gathered, say it.
 */
export function textWithCauses(error: unknown): string {
  const parts: string[] = [];
  for (const each of chainOf(error)) {
    const text = parts.length === 0 ? textOf(each) : textOf(each).replace(/^Error: /, '');
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ');
}

/** The same for a log, over several lines: each error of the chain with where it was made. */
export function stackWithCauses(error: unknown): string {
  return chainOf(error)
    .map((each, i) => {
      const text = textOf(each).slice(0, LONGEST_TEXT);
      return [i === 0 ? text : `Caused by: ${text}`, ...framesOf(each)].join('\n');
    })
    .join('\n');
}

/** Without the text that a stack begins with: it is said already, without values. */
function framesOf(error: unknown): string[] {
  try {
    const { stack } = error as { stack?: unknown };
    if (!(error instanceof Error) || typeof stack !== 'string') return [];
    return stack
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, MOST_FRAMES);
  } catch {
    return [];
  }
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
  const message = messageWithoutValues(error);
  if (!(error instanceof Error)) return message;
  // Without a message, as where every address of a host was tried, the code is all there is.
  const said = message === '' ? codeOf(error) : message;
  return said === '' ? nameOf(error) : `${nameOf(error)}: ${said}`;
}

/**
 * The message of anything that was thrown. Drizzle ends that of a failed query with the values of its
 * parameters, on a line of their own. They are the application's data, and no part of what is wrong.
 */
export function messageWithoutValues(error: unknown): string {
  const message = messageOf(error);
  const at = message.indexOf('\nparams: ');
  if (at < 0) return message;
  try {
    return Array.isArray((error as { params?: unknown }).params) ? message.slice(0, at) : message;
  } catch {
    return message;
  }
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
