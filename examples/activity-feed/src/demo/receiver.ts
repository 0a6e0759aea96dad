import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatisticsSummary } from '../events.js';
import type { Refusal, RefusalPlan } from './refusals.js';

/** What `notifications` tells of one event. */
export interface Activity {
  event: string;
  /** GitHub's id of it. */
  delivery: string;
  subject: string;
  position: number;
}

/**
 * The service that notifications are sent to. It refuses what the plan says, and knows a call that it accepted before by its
 * idempotency key.
 */
export class Receiver {
  /** By idempotency key, in the order of arrival. */
  readonly activities = new Map<string, Activity>();
  readonly digests = new Map<string, StatisticsSummary>();
  /** Accepted calls whose key had been accepted before. */
  repeatedCalls = 0;
  refusedCalls = 0;
  /** While it is down, every call is refused. */
  isDown = false;
  /** How long it thinks about a digest. */
  digestMs = 0;

  private readonly calls = new Map<string, number>();
  private plan: RefusalPlan;
  private server: Server | undefined;
  url = '';

  constructor(plan: RefusalPlan) {
    this.plan = plan;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
    // Longer than any pause between two calls, so that no call meets a connection that is just being closed.
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    this.server = server;
    const address = server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
  }

  /** From now on every call is accepted. */
  heal(): void {
    this.plan = new Map();
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await json(request);
    const key = String(request.headers['idempotency-key']);
    const call = (this.calls.get(key) ?? 0) + 1;
    this.calls.set(key, call);
    if (request.url === '/digests' && this.digestMs > 0) await delay(this.digestMs);
    const refusal = this.isDown ? DOWN : this.plan.get((body as Partial<Activity>).delivery ?? key);
    if (refusal !== undefined && call <= refusal.times) {
      this.refusedCalls++;
      if (refusal.status === 429) response.setHeader('retry-after', refusal.retryAfterSeconds ?? 1);
      response.writeHead(refusal.status).end(REASONS[refusal.status]);
      return;
    }
    if (request.url === '/digests') this.accept(this.digests, key, body as StatisticsSummary);
    else this.accept(this.activities, key, body as Activity);
    response.writeHead(204).end();
  }

  private accept<T>(accepted: Map<string, T>, key: string, body: T): void {
    if (accepted.has(key)) this.repeatedCalls++;
    else accepted.set(key, body);
  }
}

const DOWN: Refusal = { status: 503, times: Number.POSITIVE_INFINITY };

const REASONS = {
  422: 'nobody here wants to know',
  429: 'one moment, please',
  503: 'out for lunch',
};
