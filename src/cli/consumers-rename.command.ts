import { counted, withConsumers } from './admin-access.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';
import { YES_OPTION } from './confirmation.js';

/** Gives a consumer another name. The consumer keeps its place in the log. */
export const consumersRenameCommand: Command = {
  name: 'consumers rename',
  parameters: ['old', 'new'],
  options: { ...AUTHOR_OPTIONS, ...YES_OPTION },
  summary: 'give a consumer another name, between the stop of the old code and the start of the new',
  run: (context) =>
    withConsumers(context, async (service, counts) => {
      const [oldName = '', newName = ''] = context.arguments;
      await context.confirm(async () => {
        const { rows, deadLetters } = await counts.belongings(oldName);
        return `Consumer "${oldName}" is called "${newName}" from now on, with its place in the log and ${counted(rows, 'inbox row')}, of which ${counted(deadLetters, 'dead letter')}. Code that still has the old name begins as a new consumer.`;
      });
      await service.rename(oldName, newName, authorOf(context));
      return {
        ok: true,
        data: { consumer: newName, formerly: oldName },
        text: `Consumer "${oldName}" is called "${newName}" now. Start the code with the new name.`,
      };
    }),
};
