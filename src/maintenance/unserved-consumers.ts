import { Inject, Injectable, type Logger } from '@nestjs/common';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { EngineDatabase } from '../database/engine-database.js';
import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { messageOf } from '../errors.js';
import { notServedNow, type UnservedConsumer, unservedConsumers } from '../status/unserved.store.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { loggerOf } from '../words/engine-logger.js';

/** Token of the times at which unserved consumers are looked for. */
export const UNSERVED_TIMES = Symbol('nestjs-integration:unserved-times');

export interface UnservedTimes {
  /**
   * Milliseconds from the boot to the first look at the stored consumers. By then this process has stored
   * its own consumers.
   */
  readonly firstMs: number;
  readonly everyMs: number;
  /** A consumer is not named again within this time. */
  readonly againMs: number;
}

export const DEFAULT_UNSERVED_TIMES: UnservedTimes = {
  firstMs: 10_000,
  everyMs: 60_000,
  againMs: 3_600_000,
};

type Unserved = Pick<UnservedConsumer, 'consumerName' | 'eventNames' | 'since'>;

/**
 * Warns of consumers of this process that no process may work on, because the code of each lacks some of
 * their stored event names. A process that boots with such code says it at once.
 */
@Injectable()
export class UnservedConsumers {
  private readonly logger: Logger;
  /** When each consumer was named (monotonic milliseconds). A consumer is removed when it is served again. */
  private readonly named = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: EngineDatabase,
    private readonly registry: EventSubscriberRegistry,
    private readonly identity: ProcessIdentity,
    @Inject(UNSERVED_TIMES) private readonly times: UnservedTimes,
  ) {
    this.logger = loggerOf('IntegrationConsumers', db);
  }

  /** Resolves when what the code of this process lacks has been said. */
  async start(): Promise<void> {
    if (this.timer !== undefined) return;
    this.schedule(this.times.firstMs);
    await this.within(this.sayWhatIsLacking());
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
  }

  private schedule(ms: number): void {
    const timer = setTimeout(() => {
      this.within(this.look()).then(() => {
        if (this.timer === timer) this.schedule(this.times.everyMs);
      });
    }, ms).unref();
    this.timer = timer;
  }

  private within(look: Promise<void>): Promise<void> {
    const ended = look.catch((error) =>
      this.logger.debug?.(`Unserved consumers could not be looked for: ${messageOf(error)}`),
    );
    this.running = this.running.then(() => ended);
    return ended;
  }

  /**
   * Asks for the consumers whose stored names this code lacks, and which nobody else serves. It does not need
   * to wait, as `look` does: the names were stored before this process began.
   */
  private async sayWhatIsLacking(): Promise<void> {
    for (const consumer of await this.notServedHere()) this.warn(consumer);
  }

  /**
   * Those of its consumers that this process has no handlers for some names of, and that nobody else serves.
   */
  private async notServedHere(): Promise<Unserved[]> {
    const consumers = this.registry.consumers();
    if (consumers.length === 0) return [];
    const names = consumers.map(({ name }) => name);
    const others = await notServedNow(this.db, this.db.schema, names, this.identity.id);
    return others.filter((each) => this.lackingOf(each).length > 0);
  }

  private lackingOf({ consumerName, eventNames }: Unserved): string[] {
    const consumer = this.registry.consumer(consumerName);
    return consumer === undefined ? [] : eventNames.filter((name) => !consumer.match(name));
  }

  private async look(): Promise<void> {
    // Consumers that this process may work on do not stay unserved, because this process takes them.
    if (this.registry.consumers().length === 0) return;
    const unserved = await unservedConsumers(this.db, this.db.schema);
    // What was said at the boot is not said again while this process has not told the others yet what it
    // knows.
    const asked = this.named.size === 0 ? unserved : [...unserved, ...(await this.notServedHere())];
    for (const name of this.named.keys())
      if (!asked.some(({ consumerName }) => consumerName === name)) this.named.delete(name);
    for (const consumer of unserved) this.warn(consumer);
  }

  private warn(unserved: Unserved): void {
    const { consumerName, since } = unserved;
    const lacking = this.lackingOf(unserved);
    const namedAt = this.named.get(consumerName) ?? Number.NEGATIVE_INFINITY;
    const now = performance.now();
    if (lacking.length === 0 || now - namedAt < this.times.againMs) return;
    this.named.set(consumerName, now);
    const names = lacking.map((name) => `"${name}"`).join(', ');
    const those = lacking.length === 1 ? 'this name' : 'these names';
    this.logger.warn(
      `No process may work on consumer "${consumerName}" since ${since.toISOString()}: its events wait. The code of this process has no handler for ${names}, which ${lacking.length === 1 ? 'is' : 'are'} stored for it. Deploy code that handles ${those}; or, if nothing is to handle them any more, run: ${removeNamesCommand(this.db, consumerName, lacking)}. If two services use this consumer name, give one of them a name of its own.`,
    );
  }
}

function removeNamesCommand(target: CommandTarget, consumerName: string, names: readonly string[]): string {
  return commandLine(target, 'consumers remove-names', [consumerName, names.join(',')]);
}
