import {
  CONSUMER_OPTION,
  counted,
  countOption,
  ROW_OPTIONS,
  rowFilter,
  withConsumers,
} from './admin-access.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';
import { YES_OPTION } from './confirmation.js';

const DEFAULT_LIMIT = 100;

/** Makes dead letters due again. */
export const deadLettersRedriveCommand: Command = {
  name: 'dead-letters redrive',
  formerly: ['redrive'],
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    ...ROW_OPTIONS,
    limit: {
      type: 'string',
      summary: `at most so many, the oldest first, default ${DEFAULT_LIMIT}; try 1 first, to see whether the cause is gone`,
    },
    ...AUTHOR_OPTIONS,
    ...YES_OPTION,
  },
  summary: 'send dead letters, and events that failed for good, on their way again',
  run: (context) => {
    const filter = rowFilter(context.options);
    const limit = countOption(context.options, 'limit') ?? DEFAULT_LIMIT;
    return withConsumers(context, async (service, counts) => {
      await context.confirm(async () => {
        const count = await counts.countRedrivable(filter, limit);
        return count > 1 ? `${counted(count, 'event')} would be sent on their way again.` : undefined;
      });
      const redriven = await service.redrive(filter, { limit, ...authorOf(context) });
      return {
        ok: true,
        data: { redriven },
        text: `${counted(redriven, 'event')} sent on ${redriven === 1 ? 'its' : 'their'} way again.`,
      };
    });
  },
};
