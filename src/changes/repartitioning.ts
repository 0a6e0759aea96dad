import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { MAX_PARTITIONS } from '../subscribers/subscriber-validation.js';
import { checkCount, checkNames } from '../words/argument-checks.js';
import { type RepartitionState, RepartitionSteps } from './repartition-steps.js';

const LOOK_MS = 200;
const TIMEOUT_MS = 60_000;

export interface RepartitionOptions extends ChangeAuthor {
  /**
   * Milliseconds to wait for the change. The default is one minute. The processes go on with the change after
   * that.
   */
  timeoutMs?: number | undefined;
  /** Called at each look with what the change waits for. */
  onProgress?: ((state: RepartitionState) => void) | undefined;
}

/** Asks for another number of partitions, and takes the steps of the change until it is done. */
export class Repartitioning {
  constructor(private readonly partitions: RepartitionSteps) {}

  /** See `ConsumerService.repartition`. */
  async repartition(
    consumerName: string,
    partitions: number,
    options: RepartitionOptions,
  ): Promise<Exclude<RepartitionState, 'unknown'>> {
    checkCount('partitions', partitions, MAX_PARTITIONS);
    checkNames('an option of repartition', options, ['timeoutMs', 'onProgress', ...AUTHOR_FIELDS]);
    const deadline = performance.now() + (options.timeoutMs ?? TIMEOUT_MS);
    let state = await this.partitions.requestChange(consumerName, partitions, authorOf(options));
    for (;;) {
      if (state !== 'done') state = (await this.partitions.advance(consumerName)).state;
      if (state === 'unknown') throw unknownConsumer(consumerName, this.partitions.target);
      options.onProgress?.(state);
      if (state === 'done' || performance.now() >= deadline) return state;
      if (state !== 'moving') await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}
