import type { ProofDatabase } from '../harness/proof-server.js';
import { EVENTS_OF_PAYMENT } from '../processes/receiver-protocol.js';
import type { Delivery } from './sender.js';
import { LEFT_BY, LEFT_IN_ALL } from './webhooks.store.js';

interface Left {
  readonly delivery: string;
  readonly receipts: number;
  readonly events: number;
  readonly bodies: number;
  readonly payments: number;
  /** The numbers of the events that `once` published. */
  readonly paymentEvents: readonly number[];
}

type Counted = Omit<Left, 'delivery'>;

const NOTHING: Counted = { receipts: 0, events: 0, bodies: 0, payments: 0, paymentEvents: [] };

/** What a delivery leaves that was taken once. */
function onceOf({ flow, isBytes }: Delivery): Counted {
  if (flow === 'receipt') return { ...NOTHING, receipts: 1, events: 1, bodies: isBytes ? 1 : 0 };
  const paymentEvents = Array.from({ length: EVENTS_OF_PAYMENT }, (_, index) => index + 1);
  return { ...NOTHING, receipts: 1, payments: 1, paymentEvents };
}

async function leftBy(database: ProofDatabase, deliveries: readonly Delivery[]): Promise<Left[]> {
  return database.query<Left>(LEFT_BY, [deliveries.map(({ id }) => id)]);
}

/** Whether it has left exactly what it has to, or, if it is not committed, nothing. */
export async function isAsItShouldBe(
  database: ProofDatabase,
  delivery: Delivery,
  isCommitted: boolean,
): Promise<boolean> {
  const [left] = await leftBy(database, [delivery]);
  return left !== undefined && isEqual(left, isCommitted ? onceOf(delivery) : NOTHING);
}

/** What all deliveries have left, compared with what each has to leave once. */
export interface Verdict {
  readonly missing: number;
  readonly tooMuch: number;
  /** Rows that belong to no delivery. */
  readonly strays: number;
  readonly wrong: readonly Left[];
}

export async function judgeDeliveries(
  database: ProofDatabase,
  deliveries: readonly Delivery[],
): Promise<Verdict> {
  const left = await leftBy(database, deliveries);
  const expected = new Map(deliveries.map((delivery) => [delivery.id, onceOf(delivery)]));
  const wrong = left.filter((each) => !isEqual(each, expected.get(each.delivery) ?? NOTHING));
  const sizes = left.map((each) => [sizeOf(each), sizeOf(expected.get(each.delivery) ?? NOTHING)] as const);
  const [all] = await database.query<Record<'receipts' | 'bodies' | 'events', number>>(LEFT_IN_ALL);
  const inAll = (all?.receipts ?? 0) + (all?.bodies ?? 0) + (all?.events ?? 0);
  const known = left.map((each) => sizeOf(each) - each.payments).reduce((a, b) => a + b, 0);
  return {
    missing: sizes.filter(([is, should]) => is < should).length,
    tooMuch: sizes.filter(([is, should]) => is > should).length,
    strays: inAll - known,
    wrong,
  };
}

function isEqual(left: Counted, should: Counted): boolean {
  return (Object.keys(NOTHING) as (keyof Counted)[]).every(
    (each) => String(left[each]) === String(should[each]),
  );
}

function sizeOf({ receipts, events, bodies, payments, paymentEvents }: Counted): number {
  return receipts + events + bodies + payments + paymentEvents.length;
}
