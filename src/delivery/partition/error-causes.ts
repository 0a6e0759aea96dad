import { messageOf } from '../../errors.js';

/** The most causes that are read. A longer chain adds nothing, and a chain may be a circle. */
const MOST_CAUSES = 8;
const MOST_FRAMES = 20;
const LONGEST_TEXT = 4_000;
const LONGEST_CAUSE = 300;

/**
 * The text of an error and of its causes, each once: `TypeError: fetch failed: connect ECONNREFUSED
 * 127.0.0.1:9`. The message of a library's error seldom says why something failed. Its `cause`, or the errors
 * that it has gathered, say it.
 */
export function textWithCauses(error: unknown): string {
  const parts: string[] = [];
  for (const each of chainOf(error)) {
    const text = parts.length === 0 ? textOf(each) : textOf(each).replace(/^Error: /, '');
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ');
}

/** The same text for a log, in several lines. Each error of the chain has its stack. */
export function stackWithCauses(error: unknown): string {
  return chainOf(error)
    .map((each, i) => {
      const text = textOf(each).slice(0, LONGEST_TEXT);
      return [i === 0 ? text : `Caused by: ${text}`, ...framesOf(each)].join('\n');
    })
    .join('\n');
}

/** The stacks of an error and of its causes, without the text of the error itself. */
export function framesWithCauses(error: unknown): string {
  return chainOf(error)
    .flatMap((each, i) => [
      ...(i === 0 ? [] : [`Caused by: ${textOf(each).slice(0, LONGEST_CAUSE)}`]),
      ...framesOf(each),
    ])
    .join('\n');
}

/**
 * The stack without the text at its beginning, because that text has been written already, without values.
 */
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
  // The chain grows during this loop. An error that is already in it is not added again.
  for (const each of chain) {
    for (const cause of causesOf(each)) {
      if (chain.length < MOST_CAUSES && !chain.includes(cause)) chain.push(cause);
    }
  }
  return chain;
}

/** A thrown value may have getters that throw. */
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
  // Without a message, the code is all there is. This happens when every address of a host was tried.
  const said = message === '' ? codeOf(error) : message;
  return said === '' ? nameOf(error) : `${nameOf(error)}: ${said}`;
}

/**
 * The message of any thrown value. Drizzle ends the message of a failed query with the values of its
 * parameters, on a line of their own. They are left out, because they are the application's data and do not
 * explain the failure.
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
