import { fieldsOf, gatheredBy } from '../../database/connection/error-fields.js';
import { messageOf } from '../../errors.js';
import { withoutCallers } from './stack-frames.js';

/** The most causes that are read. A longer chain adds nothing, and a chain may be a circle. */
const MOST_CAUSES = 8;
const MOST_FRAMES = 20;
const LONGEST_TEXT = 4_000;
const LONGEST_CAUSE = 300;
const LONGEST_NAME = 300;
/** How many characters of a stack are read at most. Its message may be as long as a file. */
const STACK_LOOKED_AT = 16_000;

/**
 * The text of an error and of its causes, each once: `TypeError: fetch failed: connect ECONNREFUSED
 * 127.0.0.1:9`. The message of a library's error seldom says why something failed. Its `cause`, or the errors
 * that it has gathered, say it.
 */
export function textWithCauses(error: unknown): string {
  const parts: string[] = [];
  for (const each of chainOf(error)) {
    const full = textOf(each).slice(0, LONGEST_TEXT);
    const text = parts.length === 0 ? full : full.replace(/^Error: /, '');
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
 * What called the handler is left out too.
 */
function framesOf(error: unknown): readonly string[] {
  const lines = (stackOf(error) ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return withoutCallers(lines).slice(0, MOST_FRAMES);
}

/** The stack behind its message, which may be very long, and may look like a stack. */
export function stackOf(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  try {
    const { stack } = error;
    if (typeof stack !== 'string') return undefined;
    const message = messageOf(error);
    const at = stack.slice(0, 2 * LONGEST_NAME).indexOf(message.slice(0, LONGEST_NAME));
    const isAbove = message !== '' && at >= 0;
    const begin = isAbove ? at + message.length : Math.max(0, stack.length - STACK_LOOKED_AT);
    return stack.slice(begin, begin + STACK_LOOKED_AT);
  } catch {
    return undefined;
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

function causesOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const fields = fieldsOf(error);
  const gathered = isA(error, AggregateError) ? gatheredBy(fields) : [];
  return [...gathered, fields.cause].filter((each) => isError(each) || typeof each === 'string');
}

/** Whether a value is an error, also if it cannot be looked at. */
export function isError(value: unknown): value is Error {
  return isA(value, Error);
}

/** A revoked proxy throws where its class is asked for. */
function isA<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

function textOf(error: unknown): string {
  const message = messageWithoutValues(error);
  if (!isError(error)) return message;
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
  const { code } = fieldsOf(error);
  return typeof code === 'string' ? code : '';
}

function nameOf(error: Error): string {
  try {
    return String(error.name).slice(0, LONGEST_NAME);
  } catch {
    return 'Error';
  }
}
