import type { IncomingHttpHeaders } from 'node:http';
import type { QuotaNews } from '../../gate/gate.js';
import type { QuotaLimit } from './http-identity.js';

const NUMBER = /^\d+(?:\.\d+)?$/;
/** A number of seconds since 1970 is larger, and a number of seconds from now is smaller (30 years). */
const FIRST_EPOCH = 946_684_800;
/** A number of milliseconds since 1970 is larger. */
const FIRST_EPOCH_MS = 100_000_000_000;
/** Times of headers have whole seconds, and a window that ends too late does no harm. */
const ROUNDED_MS = 1_000;

/** What the headers of an answer say of a quota. Undefined if they say nothing. */
export function quotaNews(
  { remainingHeader, resetHeader, perMs }: QuotaLimit,
  headers: IncomingHttpHeaders,
  now = Date.now(),
): QuotaNews | undefined {
  const remaining = numberOf(textOf(headers, remainingHeader));
  const endsInMs = resetInMs(textOf(headers, resetHeader), timeOf(headers.date) ?? now);
  if (remaining === undefined && endsInMs === undefined) return undefined;
  // A window that lasts longer than twice its time is a misunderstanding.
  const isLikely = endsInMs !== undefined && endsInMs > 0 && endsInMs <= perMs * 2 + ROUNDED_MS;
  return { remaining, endsInMs: isLikely ? endsInMs : undefined };
}

/** @param now by the clock of the other system, if its answer has it */
function resetInMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const number = numberOf(text);
  if (number === undefined) {
    const at = timeOf(text);
    return at === undefined ? undefined : at - now + ROUNDED_MS;
  }
  if (number >= FIRST_EPOCH_MS) return number - now + ROUNDED_MS;
  if (number >= FIRST_EPOCH) return number * 1_000 - now + ROUNDED_MS;
  return number * 1_000 + ROUNDED_MS;
}

function textOf(headers: IncomingHttpHeaders, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const [first] = [headers[name]].flat();
  return first?.trim();
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && NUMBER.test(text) ? Number(text) : undefined;
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/\d{4}|\d\d:\d\d/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
