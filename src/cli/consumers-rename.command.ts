import { checkRename, notRenamed } from '../changes/consumer-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import { type CommandServices, withServices } from './services.js';
import { counted } from './texts.js';

/** Gives a consumer another name. The consumer keeps its place in the log. */
export const consumersRenameCommand: Command = {
  name: 'consumers rename',
  parameters: ['old', 'new'],
  options: CHANGE_OPTIONS,
  summary: 'give a consumer another name, between the stop of the old code and the start of the new',
  run: (context) =>
    withServices(context, async (services) => {
      const [oldName = '', newName = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        checkRename(oldName, newName);
        const views = await registeredConsumer(context, services, oldName);
        const users = views.flatMap(({ owner }) => (owner === null ? [] : [owner]));
        if (users.length > 0) throw notRenamed(oldName, newName, { users }, context);
        const what = await consequenceOf(services, oldName, newName);
        return { what, data: { consumer: newName, formerly: oldName } };
      });
      if (dry !== undefined) return dry;
      await services.consumers.rename(oldName, newName, authorOf(context));
      return {
        ok: true,
        data: { consumer: newName, formerly: oldName },
        text: `Consumer "${oldName}" is called "${newName}" now. Start the code with the new name.`,
      };
    }),
};

async function consequenceOf({ counts }: CommandServices, oldName: string, newName: string): Promise<string> {
  const { rows, deadLetters } = await counts.belongings(oldName);
  return `Consumer "${oldName}" is called "${newName}" from now on, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. Code that still has the old name begins as a new consumer.`;
}
