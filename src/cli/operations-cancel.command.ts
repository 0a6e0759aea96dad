import { notCancellable } from '../changes/operations/operation-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { progressText } from './operation-texts.js';
import { checkUuid } from './options.js';
import { withServices } from './services.js';

/** What a cancellation does not take back. */
const stays = (kind: string) =>
  kind === 'replay'
    ? 'What it has sent again would be delivered.'
    : 'What it has changed would stay changed.';

/** Stops an operation. What it has changed stays changed. */
export const operationsCancelCommand: Command = {
  name: 'operations cancel',
  parameters: ['id'],
  options: CHANGE_OPTIONS,
  summary: 'stop an operation; what it has changed stays changed',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ operations }) => {
      const dry = await saidFirst(context, async () => {
        const operation = await operations.get(id);
        if (operation.finishedAt !== null) throw notCancellable(operation);
        return {
          what: `Operation ${id} (${operation.kind}, ${progressText(operation)} events) would be cancelled. ${stays(operation.kind)}`,
          data: { operation },
        };
      });
      if (dry !== undefined) return dry;
      const operation = await operations.cancel(id, authorOf(context));
      return {
        ok: true,
        data: { operation },
        text:
          operation.kind === 'replay'
            ? `Operation ${id} is cancelled. It has sent ${progressText(operation)} events again, and they are delivered.`
            : `Operation ${id} is cancelled. It has changed ${progressText(operation)} events, and they stay changed.`,
      };
    });
  },
};
