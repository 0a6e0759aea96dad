import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Payment } from '../../orders/payment.calls.js';

/**
 * What the provider does with a payment. `silent` takes the money and does not answer, so that the process that
 * asked can be killed while it waits.
 */
export type Manner = 'at once' | 'later' | 'refused' | 'never' | 'silent';

interface KeptPayment extends Payment {
  readonly key: string;
  readonly manner: Manner;
  looks: number;
}

/** Somebody else's service for payments. It knows a payment by its idempotency key, and does as the order's price says. */
export class PaymentProvider {
  /** How often each order was asked to be paid. */
  readonly begun = new Map<string, number>();
  /** Resolves when a request came that gets no answer. */
  readonly silence: Promise<void>;
  private readonly payments = new Map<string, KeptPayment>();
  private readonly server = createServer((request, response) => {
    this.answer(request, response).catch(() => response.destroy());
  });
  private fallSilent = () => {};

  constructor(private readonly manners: ReadonlyMap<number, Manner>) {
    this.silence = new Promise((resolve) => {
      this.fallSilent = resolve;
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    if (request.method === 'POST') {
      const { order, cents } = (await json(request)) as { order: string; cents: number };
      this.begun.set(order, (this.begun.get(order) ?? 0) + 1);
      const payment = this.pay(String(request.headers['idempotency-key']), cents);
      if (payment.manner === 'silent') this.fallSilent();
      else say(response, payment);
      return;
    }
    const key = url.searchParams.get('key');
    const found = [...this.payments.values()].filter(
      (payment) => payment.key === key || url.pathname.endsWith(`/${payment.id}`),
    );
    for (const payment of found)
      if (payment.manner === 'later' && ++payment.looks > 1) payment.state = 'paid';
    say(response, key === null ? found[0] : found);
  }

  private pay(key: string, cents: number): KeptPayment {
    const manner = this.manners.get(cents) ?? 'at once';
    const waits = manner === 'later' || manner === 'never';
    const made: KeptPayment = {
      id: randomUUID(),
      key,
      manner,
      looks: 0,
      state: manner === 'refused' ? 'refused' : waits ? 'pending' : 'paid',
      ...(manner === 'refused' && { reason: 'the card has expired' }),
    };
    const payment = this.payments.get(key) ?? made;
    this.payments.set(key, payment);
    return payment;
  }
}

function say(response: ServerResponse, body: unknown): void {
  response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body ?? {}));
}
