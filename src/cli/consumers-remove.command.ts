import { counted, withConsumers } from './admin-access.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';
import { YES_OPTION } from './confirmation.js';

/** Removes a consumer. */
export const consumersRemoveCommand: Command = {
  name: 'consumers remove',
  parameters: ['consumer'],
  options: {
    force: { type: 'boolean', summary: 'also while a live process works on it' },
    ...AUTHOR_OPTIONS,
    ...YES_OPTION,
  },
  goesOnUnasked: true,
  summary: 'forget a consumer: its cursor, its inbox rows and its replays',
  run: (context) =>
    withConsumers(context, async (service, counts) => {
      const [consumer = ''] = context.arguments;
      await context.confirm(async () => {
        const { rows, deadLetters } = await counts.belongings(consumer);
        return `Consumer "${consumer}" is forgotten, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. This cannot be undone.`;
      });
      await service.remove(consumer, { force: context.options.force === true, ...authorOf(context) });
      return { ok: true, data: { consumer, removed: true }, text: `Consumer "${consumer}" is removed.` };
    }),
};

/** Removes event names from a consumer. */
export const consumersRemoveNamesCommand: Command = {
  name: 'consumers remove-names',
  parameters: ['consumer', 'names'],
  options: { ...AUTHOR_OPTIONS, ...YES_OPTION },
  goesOnUnasked: true,
  summary: 'take event names, divided by commas, away from a consumer whose code no longer handles them',
  run: (context) =>
    withConsumers(context, async (service) => {
      const [consumer = '', names = ''] = context.arguments;
      await context.confirm(
        async () =>
          `Consumer "${consumer}" no longer gets ${counted(names.split(',').length, 'event name')}; events of these that it has not handled are never delivered to it.`,
      );
      const left = await service.removeNames(
        consumer,
        names.split(',').map((name) => name.trim()),
        authorOf(context),
      );
      return {
        ok: true,
        data: { consumer, eventNames: left },
        text: `Consumer "${consumer}" is stored with: ${left.join(', ')}`,
      };
    }),
};
