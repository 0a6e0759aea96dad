import type { RepartitionState } from '../consumers/repartition-steps.js';
import { countOf, countOption, withConsumers } from './admin-access.js';
import { AUTHOR_OPTIONS, authorOf } from './author.js';
import type { Command } from './command.js';

/** Changes a consumer's number of partitions. Fails if the change is not complete within the given time. */
export const consumersRepartitionCommand: Command = {
  name: 'consumers repartition',
  parameters: ['consumer', 'partitions'],
  options: {
    timeout: {
      type: 'string',
      summary: 'seconds to wait for it, default 60; the processes go on with it afterwards',
    },
    ...AUTHOR_OPTIONS,
  },
  summary: 'change the number of partitions while the consumer runs',
  run: (context) => {
    const [consumer = '', text = ''] = context.arguments;
    const partitions = countOf(text, '<partitions>');
    const timeoutMs = (countOption(context.options, 'timeout') ?? 60) * 1_000;
    return withConsumers(context, async (service) => {
      let last: RepartitionState | undefined;
      const onProgress = (state: RepartitionState) => {
        if (state !== last) context.progress(`${describe(state)} …`);
        last = state;
      };
      const state = await service.repartition(consumer, partitions, {
        timeoutMs,
        onProgress,
        ...authorOf(context),
      });
      return {
        ok: state === 'done',
        data: { consumer, partitions, state },
        text:
          state === 'done'
            ? `Consumer "${consumer}" has ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}.`
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
