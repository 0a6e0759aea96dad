import type { Journey, JourneyEvent } from '../status/journey.js';
import { type Command, UsageError } from './command.js';
import { checkUuid, countOption, textOption } from './options.js';
import { withServices } from './services.js';
import { visibleLine } from './terminal-text.js';
import { timeText } from './texts.js';
import { unknownEvent } from './unknown-event.js';
import { WATCH_OPTION } from './watch.js';

/** Follows the events of one correlation or one entity through the consumers. */
export const eventsJourneyCommand: Command = {
  name: 'events journey',
  parameters: [],
  optionalParameter: 'id',
  options: {
    'aggregate-type': { type: 'string', summary: 'instead of an id: the type of an aggregate' },
    'aggregate-id': { type: 'string', summary: 'and which one' },
    before: { type: 'string', summary: 'of an aggregate: only events at lower positions' },
    ...WATCH_OPTION,
  },
  summary: 'show what became of the events of the same correlation, or of one aggregate, at each consumer',
  run: (context) => {
    const { options } = context;
    const [id] = context.arguments;
    const type = textOption(options, 'aggregate-type');
    const aggregate = textOption(options, 'aggregate-id');
    const before = countOption(options, 'before');
    if ((id === undefined) === (type === undefined || aggregate === undefined))
      throw new UsageError('give either the id of an event, or --aggregate-type and --aggregate-id');
    if (id !== undefined) checkUuid(id, '<id>');
    return withServices(context, async ({ journeys }) => {
      const journey =
        id === undefined
          ? await journeys.ofEntity(type ?? '', aggregate ?? '', before)
          : await journeys.ofEvent(id);
      if (journey === undefined) throw unknownEvent(id ?? '');
      return { ok: true, data: { ...journey }, text: describe(journey) };
    });
  },
};

function describe({ says, events, moreLanes, hasMore }: Journey): string {
  return [
    says,
    ...events.map(describeEvent),
    ...(moreLanes === null ? [] : [`Not shown: ${moreLanes.says}`]),
    ...(hasMore ? ['There are more events than these.'] : []),
  ].join('\n\n');
}

function describeEvent({ position, timestamp, outboxEventId, says, deliveries }: JourneyEvent): string {
  return [
    `${timeText(timestamp)}  ${position}  ${visibleLine(says)}`,
    `  ${outboxEventId}`,
    ...deliveries.flatMap(({ consumerName, says: outcome, attempts, doneAt }) => [
      `  ${visibleLine(consumerName)}: ${visibleLine(outcome)}${doneAt === null ? '' : ` (${timeText(doneAt)})`}`,
      ...attempts.map(
        ({ attempt, at, ms, error }) =>
          `    attempt ${attempt} at ${timeText(at)}, ${ms === null ? 'interrupted' : `${Math.round(ms)} ms`}: ${visibleLine(error)}`,
      ),
    ]),
  ].join('\n');
}
