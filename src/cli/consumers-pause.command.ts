import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { registeredConsumer } from './registered-consumer.js';
import { withServices } from './services.js';

export const consumersPauseCommand: Command = {
  name: 'consumers pause',
  parameters: ['consumer'],
  options: CHANGE_OPTIONS,
  summary: 'stop a consumer until it is resumed; it starts nothing more within two seconds',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        const [{ paused }] = await registeredConsumer(context, services, consumer);
        const what = `Consumer "${consumer}" ${paused ? 'is paused already' : 'would be paused'}.`;
        return { what, data: { consumer, paused }, isNothing: paused };
      });
      if (dry !== undefined) return dry;
      await services.consumers.pause(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: true }, text: `Consumer "${consumer}" is paused.` };
    }),
};

export const consumersResumeCommand: Command = {
  name: 'consumers resume',
  parameters: ['consumer'],
  options: CHANGE_OPTIONS,
  summary: 'let a paused consumer go on where it stopped',
  run: (context) =>
    withServices(context, async (services) => {
      const [consumer = ''] = context.arguments;
      const dry = await saidFirst(context, async () => {
        const [{ paused }] = await registeredConsumer(context, services, consumer);
        const what = `Consumer "${consumer}" ${paused ? 'would go on' : 'is not paused'}.`;
        return { what, data: { consumer, paused }, isNothing: !paused };
      });
      if (dry !== undefined) return dry;
      await services.consumers.resume(consumer, authorOf(context));
      return { ok: true, data: { consumer, paused: false }, text: `Consumer "${consumer}" goes on.` };
    }),
};
