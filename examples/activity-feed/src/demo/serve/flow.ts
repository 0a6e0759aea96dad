import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type DeliveryInput, readDeliveries } from '../deliveries-input.js';
import { randomNumbers, shuffled } from '../refusals.js';
import type { Stage } from '../stage.js';
import type { Troubles } from './troubles.js';

/** So many deliveries come quickly, so that there is something to see at once. */
const FIRST = 200;
const FIRST_A_SECOND = 40;
const THEN_A_SECOND = 3;
/** The flow ends here. The database then has less than 100 MB. */
const MOST = 5_000;
/** Most examples are about one repository. They are spread over this number of repositories. */
const REPOSITORIES = 25;

/** Sends deliveries at a steady pace until the signal, at most 5,000. Returns how many were accepted. */
export async function flow({ sender, options, signal }: Stage, troubles: Troubles): Promise<number> {
  let accepted = 0;
  for (const delivery of endless(options.seed)) {
    if (accepted >= MOST) return accepted;
    await delay(1_000 / (accepted < FIRST ? FIRST_A_SECOND : THEN_A_SECOND), undefined, { signal });
    troubles.meet(delivery);
    const { status, text } = await sender.send(delivery);
    if (status !== 200) throw new Error(`The application answered ${status}: ${text.slice(0, 200)}`);
    accepted++;
  }
  return accepted;
}

/** The examples again and again, in an order of their own, with new ids. */
function* endless(seed: number): Generator<DeliveryInput> {
  const random = randomNumbers(seed);
  const examples = readDeliveries(1);
  for (;;) {
    for (const { kind, body } of shuffled(examples, random)) {
      yield { id: randomUUID(), kind, body: aboutOneOfMany(body, Math.floor(random() * REPOSITORIES)) };
    }
  }
}

function aboutOneOfMany(body: DeliveryInput['body'], number: number): DeliveryInput['body'] {
  const { repository } = body;
  if (repository === undefined || number === 0) return body;
  const { id, full_name: fullName } = repository;
  return { ...body, repository: { ...repository, id: id + number, full_name: `${fullName}-${number}` } };
}
