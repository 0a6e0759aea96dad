import { countText } from '../rates/counted.js';
import { type FlowMap, rateText } from '../status/flow.js';
import type { Command } from './command.js';
import { countOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { WATCH_OPTION } from './watch.js';

/** Shows from which modules events come, and which consumers get them. */
export const flowCommand: Command = {
  name: 'flow',
  parameters: [],
  options: {
    module: { type: 'string', summary: 'only what this module published, and who asks for it' },
    event: { type: 'string', summary: 'only this event name; a trailing * matches the rest' },
    consumer: { type: 'string', summary: 'only this consumer, and what it asks for' },
    limit: { type: 'string', summary: 'how many names and how many consumers, 1 to 300, default 30' },
    ...WATCH_OPTION,
  },
  summary: 'show how events flow: modules, names of events, and consumers, those with most trouble first',
  run: (context) => {
    const { options } = context;
    const request = {
      sourceModule: textOption(options, 'module'),
      eventName: textOption(options, 'event'),
      consumerName: textOption(options, 'consumer'),
      limit: countOption(options, 'limit'),
    };
    return withServices(context, async ({ flow }) => {
      const map = await flow.map(request);
      return { ok: true, data: { ...map }, text: describe(map) };
    });
  },
};

function describe({ window, names, moreNames, consumers, moreConsumers }: FlowMap): string {
  return [
    window.says,
    ...(names.length === 0
      ? []
      : [
          table(names, [
            { heading: 'MODULE', cell: ({ sourceModule }) => sourceModule },
            { heading: 'EVENT', cell: ({ eventName }) => eventName },
            { heading: 'EVENTS', cell: ({ events }) => String(events) },
            { heading: 'FLOW', cell: ({ says }) => says, cut: 1 },
          ]),
        ]),
    ...restOf(moreNames),
    consumers.length === 0
      ? 'No consumer asks for this.'
      : table(consumers, [
          { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
          { heading: 'RATE', cell: ({ perSecond }) => rateText(perSecond) },
          { heading: 'DEAD', cell: ({ deadLetters }) => countText(deadLetters) },
          { heading: 'STANDS', cell: ({ says }) => says },
          { heading: 'ASKS FOR', cell: ({ eventNames }) => eventNames.join(', '), cut: 1 },
        ]),
    ...restOf(moreConsumers),
  ].join('\n\n');
}

function restOf(rest: FlowMap['moreNames']): string[] {
  return rest === null ? [] : [`And ${rest.says}: see --limit`];
}
