import { createHmac } from 'node:crypto';
import { sleep } from '../harness/wait.js';
import { RECEIVER_SECRET } from '../processes/receiver-protocol.js';
import type { Flow } from './cuts.js';

const PATHS: Readonly<Record<Flow, string>> = { receipt: '/webhooks/github', once: '/payments' };
const GIVES_UP_MS = 60_000;
const PAUSE_MS = 20;
/** What a receiver says of a delivery that it has taken now, and not before. */
const FIRST_TIME = new Set(['accepted', 'processed']);

export interface Delivery {
  readonly flow: Flow;
  readonly id: string;
  /** No JSON: its bytes are kept beside the event. */
  readonly isBytes: boolean;
}

/** Undefined if there was no answer, because the receiver was killed. */
export interface Answer {
  readonly isOk: boolean;
  readonly isFirst: boolean;
}

/** Sends once. */
export async function send({ flow, id, isBytes }: Delivery, address: string): Promise<Answer | undefined> {
  const body = isBytes ? `no JSON: ${id}` : JSON.stringify({ id, repository: { id: 7 } });
  const signature = createHmac('sha256', RECEIVER_SECRET).update(body).digest('hex');
  try {
    const response = await fetch(address + PATHS[flow], {
      method: 'POST',
      body,
      headers: {
        'content-type': isBytes ? 'text/plain' : 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${signature}`,
      },
      signal: AbortSignal.timeout(GIVES_UP_MS),
    });
    const text = await response.text();
    if (!response.ok) return { isOk: false, isFirst: false };
    return { isOk: true, isFirst: FIRST_TIME.has((JSON.parse(text) as { status: string }).status) };
  } catch {
    return undefined;
  }
}

/** Repeats until there is a 2xx, as senders do. `addresses` are tried in turn. */
export async function sendUntilTaken(delivery: Delivery, addresses: readonly string[]): Promise<Answer> {
  const until = performance.now() + GIVES_UP_MS;
  for (let turn = 0; performance.now() < until; turn++) {
    const answer = await send(delivery, addresses[turn % addresses.length] ?? '');
    if (answer?.isOk === true) return answer;
    await sleep(PAUSE_MS);
  }
  throw new Error(`the delivery ${delivery.id} was not taken within ${GIVES_UP_MS / 1e3} s`);
}
