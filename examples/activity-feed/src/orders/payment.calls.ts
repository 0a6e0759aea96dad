import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import {
  type CallContext,
  type CallEvents,
  type CallOf,
  type CallUpdate,
  ExternalCallType,
} from 'nestjs-integration/calls';
import { z } from 'zod';
import type { Environment } from '../config/environment.js';

const Wanted = z.object({ order: z.string(), cents: z.number().int() });
type Wanted = z.infer<typeof Wanted>;
const Paid = z.object({ receipt: z.string() });
type Paid = z.infer<typeof Paid>;

/** A payment as the provider answers it. */
export interface Payment {
  id: string;
  state: 'pending' | 'paid' | 'refused';
  reason?: string;
}

/** Payments at somebody else's service, which takes some at once, others later, and refuses the rest. */
@Injectable()
@ExternalCallType({
  type: 'payment',
  request: Wanted,
  result: Paid,
  deadlineMs: 60_000,
  poll: { firstMs: 300, maxMs: 1_000 },
})
export class PaymentCalls {
  private readonly url: URL;

  constructor(config: ConfigService<Environment, true>) {
    this.url = new URL('payments/', `${config.get('PAYMENTS_URL', { infer: true })}/`);
  }

  async start({ request }: CallOf<Wanted>, { http, idempotencyKey }: CallContext): Promise<CallUpdate<Paid>> {
    const answer = await http.send(this.url.href, {
      headers: { 'idempotency-key': idempotencyKey },
      json: request,
    });
    if (answer.status >= 500) throw new Error(`The provider answered ${answer.status}`);
    return updateOf(answer.json<Payment>());
  }

  async poll({ externalId }: CallOf<Wanted>, { http }: CallContext): Promise<CallUpdate<Paid>> {
    return updateOf((await http.send(new URL(externalId ?? '', this.url).href)).json<Payment>());
  }

  /** Asked where nobody knows whether a payment was begun, because a process died while it waited for the answer. */
  async find({ id }: CallOf<Wanted>, { http }: CallContext): Promise<CallUpdate<Paid> | 'never-started'> {
    const answer = await http.send(new URL(`?key=${id}`, this.url).href);
    const [payment] = answer.json<Payment[]>();
    return payment === undefined ? 'never-started' : updateOf(payment);
  }
}

function updateOf({ id, state, reason = 'no reason given' }: Payment): CallUpdate<Paid> {
  if (state === 'paid')
    return { externalId: id, phase: 'completed', result: { receipt: `receipt of ${id}` } };
  if (state === 'refused')
    return { externalId: id, phase: 'failed', error: { code: 'REFUSED', message: reason } };
  return { externalId: id, phase: 'processing' };
}

declare module 'nestjs-integration' {
  interface IntegrationEvents extends CallEvents<typeof PaymentCalls, 'payment'> {}
}
