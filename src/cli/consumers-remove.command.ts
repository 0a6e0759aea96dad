import { stillActive } from '../changes/consumer-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import { type CommandServices, withServices } from './services.js';
import { counted } from './texts.js';

/** Removes a consumer. */
export const consumersRemoveCommand: Command = {
  name: 'consumers remove',
  parameters: ['consumer'],
  options: {
    force: { type: 'boolean', summary: 'also while a live process works on it' },
    ...CHANGE_OPTIONS,
  },
  summary: 'forget a consumer: its cursor, its inbox rows and its replays',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const isForced = context.options.force === true;
      const dry = await saidFirst(context, async () => {
        const views = await registeredConsumer(context, services, consumer);
        const owners = views.flatMap(({ owner }) => (owner === null ? [] : [owner]));
        if (owners.length > 0 && !isForced) throw stillActive(consumer, owners);
        return { what: await consequenceOf(services, consumer), data: { consumer } };
      });
      if (dry !== undefined) return dry;
      await services.consumers.remove(consumer, { force: isForced, ...authorOf(context) });
      return { ok: true, data: { consumer, removed: true }, text: `Consumer "${consumer}" is removed.` };
    }),
};

async function consequenceOf({ counts }: CommandServices, consumer: string): Promise<string> {
  const { rows, deadLetters } = await counts.belongings(consumer);
  return `Consumer "${consumer}" is forgotten, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. This cannot be undone.`;
}
