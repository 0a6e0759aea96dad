import type { DiscardableState } from '../consumers/inbox-admin.store.js';
import {
  counted,
  countOption,
  listOption,
  ROW_OPTIONS,
  rowFilter,
  textOption,
  withConsumers,
} from './admin-access.js';
import { type Command, type CommandContext, UsageError } from './command.js';

const STATES: readonly DiscardableState[] = [
  'dead_letter',
  'failed',
  'waiting',
  'delayed',
  'unread',
  'running',
];

/** Sets events of a consumer aside for good. */
export const consumersDiscardCommand: Command = {
  name: 'consumers discard',
  parameters: ['consumer'],
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    state: {
      type: 'string',
      summary: `of these states only, divided by commas: ${STATES.join(', ')}; default: all (the last two for one event, by --position or --event-id)`,
    },
    ...ROW_OPTIONS,
    limit: { type: 'string', summary: 'at most so many, the oldest first; default: all that match' },
  },
  summary: 'set events that failed, wait or are dead aside for good',
  run: (context) => {
    const [consumer = ''] = context.arguments;
    const { options } = context;
    const reason = textOption(options, 'reason');
    if (reason === undefined) throw new UsageError('consumers discard needs --reason <…>');
    const [states, limit] = [statesOf(options), countOption(options, 'limit')];
    const filter = rowFilter(options, consumer);
    return withConsumers(context, async (service) => {
      const discarded = await service.discard(filter, reason, { states, limit });
      return {
        ok: true,
        data: { consumer, discarded },
        text: `${counted(discarded, 'event')} of "${consumer}" discarded.`,
      };
    });
  },
};

function statesOf(options: CommandContext['options']): DiscardableState[] | undefined {
  return listOption(options, 'state')?.map((given) => {
    const state = STATES.find((each) => each === given);
    if (state === undefined)
      throw new UsageError(`--state must be of ${STATES.join(', ')}, not ${JSON.stringify(given)}`);
    return state;
  });
}
