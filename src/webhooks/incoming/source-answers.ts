import { randomUUID } from 'node:crypto';
import { kindOfError } from '../../contracts/validate.js';
import type { JsonProblem } from '../../events/json-problem.js';
import { siteOfError } from '../../subscribers/call-site.js';
import type { RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import { sha256Hex } from './schemes/digest.js';

/** What the functions of a source say of a request. */
export interface SourceAnswers {
  readonly deliveryId: string;
  /** Whether the request has no identity at all. */
  readonly isNameless: boolean;
  readonly type: string;
  readonly aggregate: { readonly type: string; readonly id: string };
  readonly occurredAt: Date | undefined;
  /** The functions that gave no answer. What stands in its place is not the sender's word. */
  readonly failures: readonly FailedAnswer[];
}

/** A function of a source that throws, or that answers with something else than what is asked. */
export interface FailedAnswer {
  readonly name: 'deliveryId' | 'type' | 'aggregate' | 'occurredAt';
  /** Nothing of the request stands in it. */
  readonly reason: string;
  /** Where it was thrown, if that is known. */
  readonly site: string | undefined;
}

/** An answer that is of another kind than what is asked. Its message does not repeat the answer. */
class UnfitAnswer extends TypeError {}

/**
 * Asks each function once. The request is genuine, so it is not lost because a function fails: what it should
 * have said is made up, and `failures` names it. Without an id the body is the id.
 */
export function answersOf(source: WebhookSource, request: RawWebhookRequest): SourceAnswers {
  const failures: FailedAnswer[] = [];
  const ask = <T>(name: FailedAnswer['name'], fn: () => T, otherwise: T): T => {
    try {
      return fn();
    } catch (error) {
      const reason =
        error instanceof UnfitAnswer ? error.message : `the function throws ${kindOfError(error)}`;
      failures.push({ name, reason, site: error instanceof UnfitAnswer ? undefined : siteOfError(error) });
      return otherwise;
    }
  };
  const ofBody = { deliveryId: idOfBody(request), isNameless: false };
  const identity = ask('deliveryId', () => identityOf(source, request), ofBody);
  const own = { type: `webhook_${source.key}`, id: identity.deliveryId };
  return {
    ...identity,
    type: ask('type', () => typeSaid(source, request), ''),
    aggregate: ask('aggregate', () => aggregateOf(source, request), undefined) ?? own,
    // A webhook that says no time is as good as any other.
    occurredAt: ask('occurredAt', () => source.occurredAt?.(request), undefined),
    failures,
  };
}

/** What a handler of the type relies on and does not get. A time is none of that. */
export function violationsOf({ failures }: SourceAnswers): JsonProblem[] {
  return failures.flatMap(({ name, reason }) => (name === 'occurredAt' ? [] : { path: name, reason }));
}

/** What to say of a function that failed. */
export function sentenceOf(source: string, { name, reason, site }: FailedAnswer): string {
  const place = site === undefined ? '' : ` (at ${site})`;
  const end =
    name === 'occurredAt'
      ? 'The event has no time.'
      : 'The delivery is kept apart from those of its type, with the place in metadata.webhook.violations.';
  return `${name} of source "${source}" gives no answer for a genuine delivery: ${reason}${place}. ${end}`;
}

/**
 * What the source calls the delivery. Without a name it is called by the hash of its body, and with no
 * identity at all by a new id.
 */
export function identityOf(
  source: WebhookSource,
  request: RawWebhookRequest,
): { readonly deliveryId: string; readonly isNameless: boolean } {
  const id: unknown = source.deliveryId(request);
  if (id === null) return { deliveryId: randomUUID(), isNameless: true };
  return { deliveryId: textFrom(id) || idOfBody(request), isNameless: false };
}

/**
 * What the source calls a request that nobody has verified. Undefined if it has no name, and if the function
 * fails on it: it may expect what only a genuine request has.
 */
export function idSaid(source: WebhookSource, request: RawWebhookRequest): string | undefined {
  try {
    return textFrom(source.deliveryId(request)) || undefined;
  } catch {
    return undefined;
  }
}

/** The type as the source says it. Empty if it says none. */
export function typeSaid(source: WebhookSource, request: RawWebhookRequest): string {
  return textFrom(source.type(request));
}

function aggregateOf(
  source: WebhookSource,
  request: RawWebhookRequest,
): SourceAnswers['aggregate'] | undefined {
  const about: unknown = source.aggregate?.(request);
  if (about === undefined || about === null) return undefined;
  if (typeof about !== 'object' || isThenable(about)) throw unfit(about, 'an object with type and id');
  const { type, id } = about as { readonly type?: unknown; readonly id?: unknown };
  return { type: textFrom(type), id: textFrom(id) };
}

function idOfBody({ body }: RawWebhookRequest): string {
  return `sha256:${sha256Hex(body)}`;
}

/** Nothing is an empty text, and a number its own text. */
function textFrom(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol')
    throw unfit(value, 'a text');
  return String(value);
}

function unfit(value: unknown, wanted: string): UnfitAnswer {
  if (!isThenable(value)) return new UnfitAnswer(`the function answers with no text: give ${wanted}`);
  // Nobody waits for it. Without this, Node would end the process if it rejects.
  Promise.resolve(value).catch(() => undefined);
  return new UnfitAnswer(`the function answers with a promise: give ${wanted} at once`);
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null)?.then === 'function';
}
