import fc from 'fast-check';
import type { FaultPointName } from 'nestjs-integration/testing';
import {
  ALWAYS,
  CONSUMERS,
  type ConsumerName,
  EVENT_NAMES,
  type EventName,
  MAX_ATTEMPTS,
} from './consumers.js';

/** What is published: how often each consumer's handler is to fail with it. */
export interface NewEvent {
  readonly name: EventName;
  readonly aggregate: number;
  readonly failures: number;
  /** How often each consumer's handler puts it off first. */
  readonly putOffs: number;
}

/** How a process delivers: one round, or rounds until nothing is due. */
export type Delivering = 'round' | 'drain';

/** One step of a sequence. `by`: which of the two processes; `tx`: which of the open transactions. */
export type Command =
  | { readonly kind: 'publish'; readonly events: readonly NewEvent[] }
  | { readonly kind: 'open'; readonly tx: number; readonly events: readonly NewEvent[] }
  | { readonly kind: 'commit' | 'roll back'; readonly tx: number }
  | { readonly kind: 'deliver'; readonly by: number | 'both'; readonly how: Delivering }
  /** Delivers, and all connections of the process are cut so many milliseconds after it has begun. */
  | { readonly kind: 'cut'; readonly by: number; readonly how: Delivering; readonly afterMs: number }
  /**
   * Publishes an event that all want and delivers; the first delivery that comes to this point ends there. If none does, the other
   * process has a go.
   */
  | {
      readonly kind: 'crash';
      readonly by: number;
      readonly how: Delivering;
      readonly event: NewEvent;
      readonly at: FaultPointName;
      readonly consumer: ConsumerName | undefined;
    }
  | { readonly kind: 'expire' }
  /** Delivers; its leases run out so many milliseconds after it has begun, and the other process delivers beside it. */
  | { readonly kind: 'take over'; readonly by: number; readonly how: Delivering; readonly afterMs: number }
  | { readonly kind: 'pause' | 'resume'; readonly consumer: ConsumerName }
  | { readonly kind: 'replay'; readonly consumer: ConsumerName; readonly from: number }
  | {
      readonly kind: 'filtered replay';
      readonly consumer: ConsumerName;
      readonly from: number;
      readonly names: readonly string[];
    }
  | { readonly kind: 'redrive'; readonly consumer: ConsumerName; readonly limit: number }
  | {
      readonly kind: 'discard';
      readonly consumer: ConsumerName;
      readonly state: DiscardedState;
      readonly limit: number;
    }
  /** Asks for another number of partitions so long after a delivery has begun; undefined: while nobody delivers. */
  | {
      readonly kind: 'repartition';
      readonly consumer: ConsumerName;
      readonly partitions: number;
      readonly by: number;
      readonly afterMs: number | undefined;
    }
  /** The log's first so many positions have come of age, and retention runs. */
  | { readonly kind: 'retention'; readonly by: number; readonly oldUpTo: number };

/** Which rows are discarded; undefined: whatever can be. */
export type DiscardedState = 'dead_letter' | 'failed' | 'waiting' | 'delayed' | undefined;

/** Prints as it would be written. */
const plain = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(model, { noNullPrototype: true });
const small = (max: number) => fc.nat({ max });
const one = <T extends string>(kind: T) => fc.constant(kind);
const by = small(1);
const tx = small(2);
const consumer = fc.constantFrom(...CONSUMERS);
const how = fc.constantFrom<Delivering>('round', 'drain');
const event: fc.Arbitrary<NewEvent> = plain({
  name: fc.constantFrom(EVENT_NAMES[0], ...EVENT_NAMES),
  aggregate: small(3),
  // Never, once, or always.
  failures: fc.constantFrom(0, 0, 0, 1, ALWAYS),
  // More often than it has attempts: if putting off counted any, it would be a dead letter.
  putOffs: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, MAX_ATTEMPTS + 1),
});
const events = fc.array(event, { minLength: 1, maxLength: 3 });
const names = fc.constantFrom(['thing.changed'], ['thing.moved', 'thing.noted'], ['thing.*']);
const state = fc.constantFrom<DiscardedState>(
  undefined,
  undefined,
  'dead_letter',
  'failed',
  'waiting',
  'delayed',
);
const limit = fc.constantFrom(1, 100);

const repartition = (afterMs: fc.Arbitrary<number | undefined>): fc.Arbitrary<Command> =>
  plain({
    kind: one('repartition'),
    consumer,
    partitions: fc.integer({ min: 1, max: 3 }),
    by,
    afterMs,
  });

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: plain({ kind: one('publish'), events }) },
  { weight: 6, arbitrary: plain({ kind: one('open'), tx, events }) },
  { weight: 6, arbitrary: plain({ kind: fc.constantFrom('commit' as const, 'roll back' as const), tx }) },
  {
    weight: 8,
    arbitrary: plain({ kind: one('deliver'), by: fc.constantFrom<number | 'both'>(0, 1, 'both'), how }),
  },
  { weight: 3, arbitrary: plain({ kind: one('cut'), by, how, afterMs: small(30) }) },
  {
    weight: 5,
    arbitrary: plain({
      kind: one('crash'),
      by,
      how,
      event: event.map((each) => ({ ...each, name: EVENT_NAMES[0] })),
      at: fc.constantFrom<FaultPointName>(
        'before-handler',
        'after-handler',
        'after-commit',
        'before-save',
        'after-save',
      ),
      // Not at every point: a plain handler commits nothing, and a transactional batch saves with its own transaction.
      consumer: fc.option(consumer, { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: plain({ kind: one('expire') }) },
  { weight: 3, arbitrary: plain({ kind: one('take over'), by, how, afterMs: small(20) }) },
  {
    weight: 2,
    arbitrary: plain({ kind: fc.constantFrom('pause' as const, 'resume' as const), consumer }),
  },
  { weight: 2, arbitrary: plain({ kind: one('replay'), consumer, from: small(8) }) },
  { weight: 2, arbitrary: plain({ kind: one('filtered replay'), consumer, from: small(8), names }) },
  { weight: 2, arbitrary: plain({ kind: one('redrive'), consumer, limit }) },
  { weight: 2, arbitrary: plain({ kind: one('discard'), consumer, state, limit }) },
  { weight: 4, arbitrary: repartition(fc.option(small(20), { nil: undefined })) },
  { weight: 2, arbitrary: plain({ kind: one('retention'), by, oldUpTo: small(16) }) },
);

/** Some consumers have more than one partition from the beginning. */
const beginnings = fc.array(repartition(fc.constant(undefined)), { maxLength: 3, size: 'max' });
const steps = fc.array(command, { minLength: 6, maxLength: 30, size: 'max' });

export const sequences = fc.tuple(beginnings, steps).map(([beginning, rest]) => [...beginning, ...rest]);
