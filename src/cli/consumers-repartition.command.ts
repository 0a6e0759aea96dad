import type { RepartitionState } from '../changes/repartition-steps.js';
import { MAX_PARTITIONS } from '../subscribers/subscriber-validation.js';
import { checkCount } from '../words/argument-checks.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst } from './dry-run.js';
import { countOf, countOption } from './options.js';
import { registeredConsumer } from './registered-consumer.js';
import { withServices } from './services.js';
import { counted } from './texts.js';

/** Changes a consumer's number of partitions. Fails if the change is not complete within the given time. */
export const consumersRepartitionCommand: Command = {
  name: 'consumers repartition',
  parameters: ['consumer', 'partitions'],
  options: {
    timeout: {
      type: 'string',
      summary: 'seconds to wait for it, default 60; the processes go on with it afterwards',
    },
    ...CHANGE_OPTIONS,
  },
  summary: 'change the number of partitions while the consumer runs',
  run: (context) => {
    const [consumer = '', text = ''] = context.arguments;
    const partitions = countOf(text, '<partitions>');
    const timeoutMs = (countOption(context.options, 'timeout') ?? 60) * 1_000;
    return withServices(context, async (services) => {
      const dry = await saidFirst(context, async () => {
        checkCount('partitions', partitions, MAX_PARTITIONS);
        const views = await registeredConsumer(context, services, consumer);
        const [{ repartitioningTo }] = views;
        const now = counted(views.length, 'partition');
        const under = repartitioningTo === null ? '' : `, and is about to have ${repartitioningTo}`;
        return {
          what: `Consumer "${consumer}" would have ${counted(partitions, 'partition')}. It has ${now}${under}.`,
          data: { consumer, partitions, before: views.length },
          isNothing: views.length === partitions && repartitioningTo === null,
        };
      });
      if (dry !== undefined) return dry;
      const state = await context.interruptible((signal) => {
        let last: RepartitionState | undefined;
        return new Promise<RepartitionState>((resolve, reject) => {
          // Once there is progress, the request is stored. After Ctrl-C nobody waits for the change.
          const leave = () => last !== undefined && resolve(last);
          const onProgress = (state: RepartitionState) => {
            if (state !== last) context.progress(`${describe(state)} …`);
            last = state;
            if (signal.aborted) leave();
          };
          signal.addEventListener('abort', leave);
          const options = { timeoutMs, onProgress, ...authorOf(context) };
          services.consumers.repartition(consumer, partitions, options).then(resolve, reject);
        });
      });
      return {
        ok: state === 'done',
        data: { consumer, partitions, state },
        text:
          state === 'done'
            ? `Consumer "${consumer}" has ${counted(partitions, 'partition')}.`
            : `Not done yet: ${describe(state)}. The processes go on with it; run the command again to see how far it is.`,
      };
    });
  },
};

function describe(state: RepartitionState): string {
  switch (state) {
    case 'handing over':
      return 'the owners finish what they are running and hand over';
    case 'catching up':
      return 'partitions that are behind catch up with the others';
    case 'moving':
      return 'failed and waiting events move to their new partitions';
    case 'done':
      return 'done';
    case 'unknown':
      return 'there is no such consumer';
  }
}
