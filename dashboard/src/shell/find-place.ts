import { type Answer, type Args, call, type RouteName } from '../api/client.ts';
import { ApiProblem, sentenceOf } from '../api/problem.ts';
import { isUuid } from '../parts/uuid.ts';
import { to } from '../router/router.ts';

const DAY_MS = 86_400_000;

export interface FoundPlace {
  readonly href?: string;
  /** Why nothing was found, for a person. */
  readonly problem?: string;
}

/** Finds what a text names, the likeliest first. */
export async function findPlace(text: string): Promise<FoundPlace> {
  try {
    return (await placeOf(text)) ?? { problem: `Nothing is called ${text}.` };
  } catch (error) {
    return { problem: sentenceOf(error) };
  }
}

async function placeOf(text: string): Promise<FoundPlace | undefined> {
  if (isUuid(text)) return placeOfId(text.toLowerCase());
  if (/^\d{1,15}$/.test(text)) return placeOfPosition(text);
  const payload = /^([\w-]+(?:\.[\w-]+)*)=(.+)$/.exec(text);
  if (payload !== null) return placeOfPayload(payload[1], payload[2]);
  const entity = entityOf(text);
  if (entity !== undefined) {
    const timeline = await found('GET entities/{type}/{id}/timeline', {
      path: { type: entity[0], id: entity[1] },
      query: { limit: 1 },
    });
    if (timeline !== undefined && timeline.items.length > 0) return { href: to(['entities', ...entity]) };
  }
  const kind = /^[0-9a-f]{16,64}$/.test(text) ? await placeOfKind(text) : undefined;
  if (kind !== undefined) return kind;
  const consumer = await found('GET consumers/{name}', { path: { name: text } });
  if (consumer !== undefined) return { href: to(['consumers', consumer.consumerName]) };
  // The page of events goes on where one answer has not looked at everything.
  const field = text.endsWith('*') ? 'name' : 'about';
  const inEvents = { href: to(['events'], { [field]: text }) };
  const events = await found('GET events', { query: { [field]: text, limit: 1 } });
  if ((events?.items.length ?? 0) > 0) return inEvents;
  // Failures are found at once, and the rest of the log only in a while.
  const failures = await found('GET dead-letters/groups', { query: { error: text, limit: 1 } });
  if ((failures?.items.length ?? 0) > 0) return { href: to(['dead-letters'], { error: text }) };
  if (events !== undefined && events.next !== null && entity === undefined) return inEvents;
  return entity === undefined
    ? undefined
    : { problem: `The log has no event of the entity ${entity[0]} ${entity[1]}.` };
}

async function placeOfId(id: string): Promise<FoundPlace> {
  const event = await found('GET events/{id}', { path: { id } });
  if (event !== undefined) return { href: to(['events', id]) };
  const operation = await found('GET operations/{id}', { path: { id } });
  return { href: operation === undefined ? to(['events'], { correlationId: id }) : to(['operations', id]) };
}

/** A value in payloads, `customer.id=42`, of the last day. The page has its window, which may be changed. */
function placeOfPayload(payloadPath: string | undefined, payloadValue: string | undefined): FoundPlace {
  const from = new Date(Date.now() - DAY_MS).toISOString();
  return { href: to(['events'], { payloadPath, payloadValue, from }) };
}

/** A kind of failures, at the first consumer that has it. */
async function placeOfKind(fingerprint: string): Promise<FoundPlace | undefined> {
  const letters = await found('GET dead-letters', { query: { fingerprint, limit: 1 } });
  const [letter] = letters?.items ?? [];
  return letter && { href: to(['dead-letters', letter.consumerName, fingerprint]) };
}

async function placeOfPosition(text: string): Promise<FoundPlace> {
  const events = await found('GET events', { query: { position: Number(text) } });
  const [event] = events?.items ?? [];
  return event === undefined
    ? { problem: `There is no event at position ${text}.` }
    : { href: to(['events', event.outboxEventId]) };
}

/** An entity is written `type/id` or `type:id`. */
function entityOf(text: string): readonly [type: string, id: string] | undefined {
  const at = text.search(/[/:]/);
  if (at < 1 || at === text.length - 1) return undefined;
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The answer, or undefined if there is no such thing. */
async function found<N extends RouteName>(name: N, args: Args<N>): Promise<Answer<N> | undefined> {
  try {
    return await call(name, args);
  } catch (error) {
    const status = error instanceof ApiProblem ? error.problem.status : undefined;
    // A text that cannot be a name at all is refused with 400.
    if (status === 404 || status === 400 || status === 403) return undefined;
    throw error;
  }
}
