import { ALWAYS, CONSUMERS, type ConsumerName } from './consumers.js';
import type { EventState } from './event-state.js';
import type { Expected, Model } from './model.js';

/** What really happened, at the end of a sequence. */
export interface Happened {
  readonly states: readonly EventState[];
  /** Effects of transactional handlers, and runs of the plain one that ended well: position and consumer, in order. */
  readonly effects: readonly Effect[];
  readonly runs: readonly Effect[];
}

export interface Effect {
  readonly consumer: ConsumerName;
  /** Undefined: of an event that was never committed. */
  readonly position: number | undefined;
}

/** Where what happened is not what the model says. */
export function judge(model: Model, { states, effects, runs }: Happened): string[] {
  const plainRuns = runs.filter(({ consumer }) => consumer === 'plain');
  const inOrder = [...plainRuns, ...effects];
  return [
    ...problemsOfStatus(model, states),
    ...problemsOfCounts(model, inOrder),
    ...problemsOfGhosts(model, [...runs, ...effects]),
    ...CONSUMERS.flatMap((consumer) =>
      problemsOfOrder(
        model.expected.filter((each) => each.consumer === consumer),
        inOrder.filter((each) => each.consumer === consumer),
      ),
    ),
  ];
}

function problemsOfStatus(model: Model, states: readonly EventState[]): string[] {
  const found = new Map(states.map((state) => [`${state.consumer} ${state.position}`, state.status]));
  const unexpected = states
    .filter(({ consumer, position }) => model.of(consumer, position) === undefined)
    .map(({ consumer, position }) => `${consumer} ${position}: delivered, and not wanted`);
  const wrong = model.expected.flatMap((expected) => {
    const status = found.get(keyOf(expected));
    if (model.gone.has(expected.event.position)) {
      return status === undefined ? [] : [`${keyOf(expected)}: ${status}, and deleted`];
    }
    if (status !== undefined && expected.ends.includes(status)) return [];
    return [`${keyOf(expected)}: ${status ?? 'lost'} instead of ${expected.ends.join(' or ')}`];
  });
  return [...unexpected, ...wrong];
}

/** As often as it was to be delivered; never where it always fails. A plain handler may run once more for each crash. */
function problemsOfCounts(model: Model, happened: readonly Effect[]): string[] {
  const counts = new Map<string, number>();
  for (const { consumer, position } of happened) {
    const key = `${consumer} ${position}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return model.expected.flatMap((expected) => {
    const count = counts.get(keyOf(expected)) ?? 0;
    const fails = expected.event.failures >= ALWAYS;
    const least = fails ? 0 : expected.least;
    const most = fails ? 0 : expected.most + (expected.consumer === 'plain' ? model.crashes : 0);
    if (count >= least && count <= most) return [];
    return [`${keyOf(expected)}: ${count} times instead of ${least}${most > least ? ` to ${most}` : ''}`];
  });
}

/** Nothing comes of what was rolled back, or of what a consumer does not want. */
function problemsOfGhosts(model: Model, happened: readonly Effect[]): string[] {
  return happened
    .filter(({ consumer, position }) => position === undefined || model.of(consumer, position) === undefined)
    .map(({ consumer, position }) => `${consumer}: ran for ${position ?? 'an event'} that it was not to get`);
}

/** The first time of each event, along its aggregate, but for those that somebody asked for again. */
function problemsOfOrder(ascending: readonly Expected[], happened: readonly Effect[]): string[] {
  const place = new Map<number | undefined, number>();
  for (const [index, { position }] of happened.entries())
    if (!place.has(position)) place.set(position, index);
  const latest = new Map<string, { key: string; at: number }>();
  const problems: string[] = [];
  for (const expected of ascending.filter(({ isOutOfOrder }) => !isOutOfOrder)) {
    const at = place.get(expected.event.position);
    if (at === undefined) continue;
    const before = latest.get(expected.event.aggregate);
    if (before !== undefined && before.at > at) problems.push(`${keyOf(expected)}: before ${before.key}`);
    latest.set(expected.event.aggregate, { key: keyOf(expected), at });
  }
  return problems;
}

function keyOf({ consumer, event }: Expected): string {
  return `${consumer} ${event.position}`;
}
