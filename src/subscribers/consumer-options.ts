import { IntegrationError } from '../errors.js';
import { type ConsumerOptions, DEFAULT_CONSUMER_OPTIONS } from './consumer.js';
import type { AnySubscriberDefinition } from './subscriber-definition.js';

/** What one definition says about its consumer as a whole. */
export interface ConsumerOptionsOfOne {
  readonly place: string;
  readonly options: Omit<AnySubscriberDefinition, 'handler'>;
}

type Mergeable = Exclude<keyof ConsumerOptions, 'isConcurrencyGiven'>;

/**
 * Merges what the definitions of one consumer say about the consumer as a whole. A definition that leaves an
 * option out agrees with all others. `batch` is the exception, because it decides what the handlers are
 * called with: all definitions give it, or none does.
 *
 * @throws IntegrationError INTEGRATION_SUBSCRIBER_CONFLICT, naming both places
 */
export function mergeConsumerOptions(
  consumerName: string,
  definitions: readonly ConsumerOptionsOfOne[],
): ConsumerOptions {
  const agreed = <K extends Mergeable>(option: K): ConsumerOptions[K] => {
    let first: { place: string; value: ConsumerOptions[K] } | undefined;
    for (const { place, options } of definitions) {
      const value = givenFor(options, option);
      if (value === undefined && option !== 'batch') continue;
      if (first === undefined) first = { place, value: value as ConsumerOptions[K] };
      else if (textOf(first.value) !== textOf(value)) {
        throw conflict(consumerName, option, [first, { place, value }]);
      }
    }
    return first === undefined ? DEFAULT_CONSUMER_OPTIONS[option] : first.value;
  };
  return {
    concurrency: agreed('concurrency'),
    isConcurrencyGiven: definitions.some(({ options }) => options.concurrency !== undefined),
    ordered: agreed('ordered'),
    batch: agreed('batch'),
    partitions: agreed('partitions'),
    startFrom: agreed('startFrom'),
  };
}

function givenFor<K extends Mergeable>(
  options: ConsumerOptionsOfOne['options'],
  option: K,
): ConsumerOptions[K] | undefined {
  const given: Partial<{ [O in Mergeable]: ConsumerOptions[O] | undefined }> = {
    ...options,
    batch: options.batch && { maxSize: options.batch.maxSize, maxWaitMs: options.batch.maxWaitMs ?? 0 },
  };
  return given[option] as ConsumerOptions[K] | undefined;
}

function textOf(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function conflict(
  consumerName: string,
  option: Mergeable,
  [first, second]: readonly [Said, Said],
): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SUBSCRIBER_CONFLICT',
    `The definitions of consumer "${consumerName}" disagree on ${option}: ${textOf(first.value)} at ${first.place}, ${textOf(second.value)} at ${second.place}. It belongs to the consumer as a whole: give the same value, or give it ${option === 'batch' ? 'nowhere' : 'once'}`,
    { consumerName, option, places: [first.place, second.place] },
  );
}

interface Said {
  place: string;
  value: unknown;
}
