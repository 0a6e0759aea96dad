import { withConsumers } from './admin-access.js';
import type { Command } from './command.js';

/** Forgets a consumer. */
export const consumersRemoveCommand: Command = {
  name: 'consumers remove',
  parameters: ['consumer'],
  options: { force: { type: 'boolean', summary: 'also while a live process works on it' } },
  summary: 'forget a consumer: its cursor, its inbox rows and its replays',
  run: (context) =>
    withConsumers(context, async (service) => {
      const [consumer = ''] = context.arguments;
      await service.remove(consumer, { force: context.options.force === true });
      return { ok: true, data: { consumer, removed: true }, text: `Consumer "${consumer}" is removed.` };
    }),
};

/** Takes event names away from a consumer. */
export const consumersRemoveNamesCommand: Command = {
  name: 'consumers remove-names',
  parameters: ['consumer', 'names'],
  summary: 'take event names, divided by commas, away from a consumer whose code no longer handles them',
  run: (context) =>
    withConsumers(context, async (service) => {
      const [consumer = '', names = ''] = context.arguments;
      const left = await service.removeNames(
        consumer,
        names.split(',').map((name) => name.trim()),
      );
      return {
        ok: true,
        data: { consumer, eventNames: left },
        text: `Consumer "${consumer}" is stored with: ${left.join(', ')}`,
      };
    }),
};
