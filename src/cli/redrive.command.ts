import {
  CONSUMER_OPTION,
  counted,
  countOption,
  ROW_OPTIONS,
  rowFilter,
  withConsumers,
} from './admin-access.js';
import type { Command } from './command.js';

const DEFAULT_LIMIT = 100;

/** Sends dead letters on their way again. */
export const redriveCommand: Command = {
  name: 'redrive',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    ...ROW_OPTIONS,
    limit: {
      type: 'string',
      summary: `at most so many, the oldest first, default ${DEFAULT_LIMIT}; try 1 first, to see whether the cause is gone`,
    },
  },
  summary: 'send dead letters, and events that failed for good, on their way again',
  run: (context) => {
    const filter = rowFilter(context.options);
    const limit = countOption(context.options, 'limit') ?? DEFAULT_LIMIT;
    return withConsumers(context, async (service) => {
      const redriven = await service.redrive(filter, { limit });
      return {
        ok: true,
        data: { redriven },
        text: `${counted(redriven, 'event')} sent on ${redriven === 1 ? 'its' : 'their'} way again.`,
      };
    });
  },
};
