import fc from 'fast-check';

/** One step of a sequence. `by`: which of the two processes; `tx`: which of the open transactions. */
export type Command =
  | { readonly kind: 'publish'; readonly aggregate: number; readonly failures: number }
  | { readonly kind: 'open'; readonly tx: number; readonly aggregate: number; readonly failures: number }
  | { readonly kind: 'commit' | 'roll back'; readonly tx: number }
  | { readonly kind: 'deliver'; readonly by: number }
  /** Delivers, and all connections of the process are cut so many milliseconds after it has begun. */
  | { readonly kind: 'cut'; readonly by: number; readonly afterMs: number }
  | { readonly kind: 'expire' }
  | { readonly kind: 'pause' | 'resume'; readonly consumer: number }
  | { readonly kind: 'replay'; readonly consumer: number; readonly from: number }
  | { readonly kind: 'redrive' };

const small = (max: number) => fc.nat({ max });
/** Never, once, or always. */
const failures = fc.constantFrom(0, 0, 0, 1, 99);
const aggregate = small(3);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), aggregate, failures }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('open' as const), tx: small(2), aggregate, failures }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'roll back' as const), tx: small(2) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('deliver' as const), by: small(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('cut' as const), by: small(1), afterMs: small(60) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const), consumer: small(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('replay' as const), consumer: small(2), from: small(8) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redrive' as const) }) },
);

export const sequences = fc.array(command, { minLength: 6, maxLength: 30, size: 'max' });
