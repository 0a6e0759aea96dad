import { checkStatesOfMany, isOfOneEvent } from '../changes/admin-checks.js';
import type { DiscardableState } from '../changes/inbox-admin.store.js';
import { authorOf, REASONED_CHANGE_OPTIONS } from './author.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { countOption, listOption, ROW_OPTIONS, rowFilter, textOption } from './options.js';
import { withServices } from './services.js';
import { counted } from './texts.js';

const STATES: readonly DiscardableState[] = [
  'dead_letter',
  'failed',
  'waiting',
  'delayed',
  'unread',
  'running',
];

/** Discards events of a consumer for good. */
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
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all that match' },
    ...REASONED_CHANGE_OPTIONS,
  },
  summary: 'set events that failed, wait or are dead aside for good',
  run: (context) => {
    const [consumer = ''] = context.arguments;
    return discard(context, consumer, statesOf(context.options));
  },
};

function discard(
  context: CommandContext,
  consumer: string,
  states: DiscardableState[] | undefined,
): Promise<CommandResult> {
  const { options } = context;
  const { by, via } = authorOf(context);
  const reason = textOption(options, 'reason');
  if (reason === undefined) throw new UsageError('consumers discard needs --reason <…>');
  const limit = countOption(options, 'limit');
  const filter = rowFilter(options, consumer);
  return withServices(context, async ({ consumers: service, counts }) => {
    const dry = await saidFirst(context, async () => {
      // The event may have no row yet. It is discarded whatever its state.
      if (isOfOneEvent(filter)) {
        const what = 'This event would be set aside for good, whatever its state. This cannot be undone.';
        return { what, data: { consumer } };
      }
      checkStatesOfMany(states ?? []);
      const events = await counts.countDiscardable(filter, states ?? STATES, limit);
      const what = `${counted(events, 'event')} would be set aside for good. This cannot be undone.`;
      return { what, data: { consumer, events }, isNothing: events === 0 };
    });
    if (dry !== undefined) return dry;
    const discarded = await service.discard(filter, reason, { states, limit, by, via });
    return {
      ok: true,
      data: { consumer, discarded },
      text: `${counted(discarded, 'event')} of "${consumer}" discarded.`,
    };
  });
}

function statesOf(options: CommandContext['options']): DiscardableState[] | undefined {
  return listOption(options, 'state')?.map((given) => {
    const state = STATES.find((each) => each === given);
    if (state === undefined)
      throw new UsageError(`--state must be of ${STATES.join(', ')}, not ${JSON.stringify(given)}`);
    return state;
  });
}
