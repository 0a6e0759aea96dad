import { type Answer, type Args, call, type RouteName } from '../api/client.ts';
import { ApiProblem, sentenceOf } from '../api/problem.ts';
import { to } from '../router/router.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

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
  const consumer = await found('GET consumers/{name}', { path: { name: text } });
  if (consumer !== undefined) return { href: to(['consumers', consumer.consumerName]) };
  if (UUID.test(text)) {
    const id = text.toLowerCase();
    const event = await found('GET events/{id}', { path: { id } });
    return { href: event === undefined ? to(['events'], { correlationId: id }) : to(['events', id]) };
  }
  const entity = entityOf(text);
  return entity === undefined ? undefined : { href: to(['entities', ...entity]) };
}

/** An entity is written `type/id` or `type:id`. */
export function entityOf(text: string): readonly [type: string, id: string] | undefined {
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
