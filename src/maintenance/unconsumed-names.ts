import { Injectable } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { EngineDatabase } from '../database/engine-database.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { UnroutedEventStore } from './unrouted-event.store.js';
import { UnroutedEvents } from './unrouted-events.js';

/** Names that are published within this time are asked about together. */
const GATHER_MS = 1_000;
const MOST_NAMES = 10_000;

/**
 * Starts the search for events that nobody consumes as soon as this process publishes a name that no consumer
 * asks for. Without it the next round of maintenance would find them minutes later. An application whose
 * consumers are added later is warned as well. `doctor` shows which names are unrouted by then.
 */
@Injectable()
export class UnconsumedNames {
  private readonly known = new Set<string>();
  private waiting: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private wakeups: Subscription | undefined;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: EngineDatabase,
    private readonly store: UnroutedEventStore,
    private readonly registry: EventSubscriberRegistry,
    private readonly notifier: OutboxNotifier,
    private readonly unrouted: UnroutedEvents,
  ) {}

  start(): void {
    this.wakeups ??= this.notifier.wakeups$.subscribe(({ source, eventNames = [] }) => {
      if (source !== 'publish' && source !== 'commit') return;
      for (const name of eventNames) if (!this.known.has(name)) this.note(name);
    });
  }

  async stop(): Promise<void> {
    this.wakeups?.unsubscribe();
    this.wakeups = undefined;
    this.stopping.abort();
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  private note(name: string): void {
    if (this.known.size >= MOST_NAMES) return;
    this.known.add(name);
    if (this.registry.consumers().some((consumer) => consumer.match(name) !== undefined)) return;
    this.waiting.push(name);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const names = this.waiting.splice(0);
      // If the question fails now, a later round of maintenance finds the names.
      this.running = this.ask(names).catch(() => {});
    }, GATHER_MS).unref();
  }

  /** The search warns of each name once, whichever process runs it. */
  private async ask(names: readonly string[]): Promise<void> {
    const unasked = await this.store.unasked(this.db, names);
    if (unasked.length > 0) await this.unrouted.run(0, this.stopping.signal);
  }
}
