import { withConsumers } from './admin-access.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';

export const consumersPauseCommand: Command = {
  name: 'consumers pause',
  parameters: ['consumer'],
  options: AUTHOR_OPTIONS,
  summary: 'stop a consumer until it is resumed; it starts nothing more within two seconds',
  run: (context) =>
    withConsumers(context, async (service) => {
      const [consumer = ''] = context.arguments;
      await service.pause(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: true }, text: `Consumer "${consumer}" is paused.` };
    }),
};

export const consumersResumeCommand: Command = {
  name: 'consumers resume',
  parameters: ['consumer'],
  options: AUTHOR_OPTIONS,
  summary: 'let a paused consumer go on where it stopped',
  run: (context) =>
    withConsumers(context, async (service) => {
      const [consumer = ''] = context.arguments;
      await service.resume(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: false }, text: `Consumer "${consumer}" goes on.` };
    }),
};
