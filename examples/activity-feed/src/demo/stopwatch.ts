import type { INestApplicationContext } from '@nestjs/common';
import { EventSubscriberRegistry } from 'nestjs-integration';
import { IncomingWebhookService } from 'nestjs-integration/webhooks';
import { SummaryService } from '../statistics/summary.service.js';

/** A handler began with an event, at a time of `now()`. */
export interface HandlerStart {
  consumerName: string;
  eventId: string;
  at: number;
}

/** The transaction that published an event has committed, at a time of `now()`. */
export interface Commit {
  eventId: string;
  at: number;
}

/** Milliseconds since the machine started: the same clock for every process, and nobody sets it. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Calls `report` whenever a handler of this process begins. To be called before the application is initialised. */
export function watchHandlers(app: INestApplicationContext, report: (start: HandlerStart) => void): void {
  const registry = app.get(EventSubscriberRegistry, { strict: false });
  const register = registry.registerAt.bind(registry);
  registry.registerAt = (place, definition) => {
    const { consumerName, handler } = definition;
    register(place, {
      ...definition,
      handler: (input, context) => {
        // A handler of batches gets a list.
        const events = [input].flat() as { outboxEventId: string }[];
        for (const { outboxEventId: eventId } of events) report({ consumerName, eventId, at: now() });
        return handler(input, context);
      },
    });
  };
}

/** Calls `report` as soon as a transaction of this process that published an event has committed. */
export function watchCommits(app: INestApplicationContext, report: (commit: Commit) => void): void {
  const webhooks = app.get(IncomingWebhookService, { strict: false });
  const accept = webhooks.accept.bind(webhooks);
  webhooks.accept = async (...delivery) => {
    const accepted = await accept(...delivery);
    if (accepted.status === 'accepted') report({ eventId: accepted.outboxEventId, at: now() });
    return accepted;
  };
  const summaries = app.get(SummaryService, { strict: false });
  const publishChanges = summaries.publishChanges.bind(summaries);
  summaries.publishChanges = async () => {
    const published = await publishChanges();
    if (published) report({ eventId: published.outboxEventId, at: now() });
    return published;
  };
}

/** From the commit of an event to the start of its first handler, per consumer. */
export class Stopwatch {
  private readonly commits = new Map<string, number>();
  private readonly starts = new Map<string, Map<string, number>>();

  committed = ({ eventId, at }: Commit): void => {
    this.commits.set(eventId, at);
  };

  started = ({ consumerName, eventId, at }: HandlerStart): void => {
    const starts = this.starts.get(consumerName) ?? new Map<string, number>();
    this.starts.set(consumerName, starts);
    if (!starts.has(eventId)) starts.set(eventId, at);
  };

  /** The `share` quantile in ms; undefined where nothing was measured. */
  latency(consumerName: string, share: number): number | undefined {
    const latencies = [...(this.starts.get(consumerName) ?? [])]
      .flatMap(([eventId, at]) => {
        const committed = this.commits.get(eventId);
        // A handler may begin before this process has heard of the commit that it waited for.
        return committed === undefined ? [] : [Math.max(0, at - committed)];
      })
      .sort((a, b) => a - b);
    return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  }
}
