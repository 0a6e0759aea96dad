import { remainingNames } from '../changes/consumer-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import { withServices } from './services.js';
import { counted } from './texts.js';

/** Removes event names from a consumer. */
export const consumersRemoveNamesCommand: Command = {
  name: 'consumers remove-names',
  parameters: ['consumer', 'names'],
  options: CHANGE_OPTIONS,
  summary: 'take event names, divided by commas, away from a consumer whose code no longer handles them',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = '', text = ''] = context.arguments;
      const names = text.split(',').map((name) => name.trim());
      const dry = await saidFirst(context, async () => {
        const [{ eventNames }] = await registeredConsumer(context, services, consumer);
        const left = remainingNames(consumer, eventNames, names);
        const consequence = `Consumer "${consumer}" no longer gets ${counted(names.length, 'event name')}; events of these that it has not handled are never delivered to it.`;
        const what = `${consequence}\nIt would be stored with: ${left.join(', ')}.`;
        return { what, data: { consumer, eventNames: left } };
      });
      if (dry !== undefined) return dry;
      const left = await services.consumers.removeNames(consumer, names, authorOf(context));
      return {
        ok: true,
        data: { consumer, eventNames: left },
        text: `Consumer "${consumer}" is stored with: ${left.join(', ')}`,
      };
    }),
};
