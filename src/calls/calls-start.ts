import {
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { prepareSchema } from '../contracts/schemas/event-schema.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { DomainEvent } from '../events/domain-event.js';
import { LaneRunner } from '../lanes/lane-runner.js';
import { OutgoingTargetStore } from '../lanes/outgoing-target.store.js';
import { SwitchedHold } from '../membership/leases/switched-hold.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { loggerOf } from '../words/engine-logger.js';
import { Alone } from './alone.js';
import { CallDeadlines, DEADLINES_LEASE } from './call-deadlines.js';
import { invalidCall } from './call-errors.js';
import { callEventName } from './call-events.js';
import { CallMethods } from './call-methods.js';
import { type CallType, consumerOf, kindOf } from './call-type.js';
import { CallWork } from './call-work.js';
import type { DueCall } from './call-work.store.js';
import { CallsEngine } from './calls-engine.js';

/** New calls of one call of the consumer. */
const BATCH = 500;

/** Finds the types of calls when the application boots, and runs their calls. */
@Injectable()
export class CallsStart implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly runners = new Map<string, LaneRunner<DueCall>>();
  private deadlines: SwitchedHold | undefined;

  constructor(private readonly calls: CallsEngine) {}

  /** @throws IntegrationError INTEGRATION_CALL_INVALID with every problem (`details.problems`) */
  onModuleInit(): Promise<void> {
    return this.calls.engine.boot(() => this.begin());
  }

  private async begin(): Promise<void> {
    const { types, problems } = this.calls.types;
    if (problems.length > 0)
      throw invalidCall(`CallsModule cannot start: ${problems.join('; ')}`, { problems });
    for (const type of types.values()) {
      for (const schema of [type.request, type.result]) if (schema !== undefined) await prepareSchema(schema);
      this.register(type);
    }
  }

  onApplicationBootstrap(): void {
    const { lanes, types } = this.calls;
    if (lanes.role === 'publisher' || this.deadlines !== undefined) return;
    const alone = new Alone();
    for (const type of types.types.values()) {
      const runner = new LaneRunner(lanes, this.workOf(type, alone));
      this.runners.set(type.type, runner);
      runner.start();
    }
    const deadlines = this.newDeadlines();
    this.deadlines = new SwitchedHold(lanes.leases, lanes.settings, DEADLINES_LEASE, (lease) =>
      deadlines.run(lease),
    );
  }

  /** The engine has ended delivery before, which gives the lanes back. */
  async onModuleDestroy(): Promise<void> {
    this.deadlines?.stop();
    await Promise.all([...this.runners.values()].map((runner) => runner.stop()));
    this.calls.closeHttp();
  }

  /** Tells the owners of these targets that something of theirs is due. */
  wake(type: string, targets: readonly string[]): void {
    this.runners.get(type)?.wake(targets);
  }

  /**
   * Runs everything that is due, now or later, as if its time had come, and returns how many methods were
   * called. For tests. See `LaneRunner.runDue`.
   */
  async runAll(options?: { readonly timeoutMs?: number | undefined }): Promise<number> {
    const { database: db, look } = this.calls;
    let count = 0;
    for (const [type, runner] of this.runners) {
      await db.transaction(async (session) =>
        this.makeReady(session, type, await look.makeDue(session, type)),
      );
      count += await runner.runDue(options);
    }
    return count;
  }

  /** Ends every call as if its deadline had passed. For tests. */
  async passDeadlines(): Promise<void> {
    const { look, types } = this.calls;
    for (const type of types.types.keys()) await look.passDeadlines(type);
    const deadlines = this.newDeadlines();
    while ((await deadlines.endOverdue()) > 0);
  }

  /**
   * The consumer of new calls makes their targets ready. `create` does not, because it would hold the row of
   * the target until the caller's transaction ends, and everybody who creates a call for it would wait.
   */
  private register({ type, place }: CallType): void {
    const { database: db, look } = this.calls;
    this.calls.engine.get(EventSubscriberRegistry).registerAt(place, {
      consumerName: consumerOf(type),
      eventName: callEventName(type, 'requested'),
      startFrom: 'earliest',
      payload: 'text',
      batch: { maxSize: BATCH },
      handler: async (events: DomainEvent<string>[]) => {
        const calls = events.map(({ aggregateId }) => aggregateId);
        const ready = await db.transaction(async (session) =>
          this.makeReady(session, type, await look.targetsOf(session, calls)),
        );
        this.wake(type, ready);
      },
    });
  }

  private async makeReady(
    session: EngineSession,
    type: string,
    found: readonly { readonly id: string; readonly tenantId: string }[],
  ): Promise<string[]> {
    if (found.length === 0) return [];
    const targets = new OutgoingTargetStore(this.calls.database);
    const kind = kindOf(type);
    // Targets of calls are never taken away, so one that is there is there when it is made ready.
    const ids = found.map(({ id }) => id);
    await targets.addAll(session, kind, found);
    await targets.makeReady(session, kind, ids);
    return ids;
  }

  private newDeadlines(): CallDeadlines {
    const { database: db, store, look, events, metrics } = this.calls;
    return new CallDeadlines({ db, store, look, events, metrics }, loggerOf('Calls', db));
  }

  private workOf(type: CallType, alone: Alone): CallWork {
    const { calls } = this;
    const { database: db, store, look, events, metrics } = calls;
    const methods = new CallMethods(type, calls.http, metrics);
    const settings = () => calls.settings;
    return new CallWork(type, { db, store, look, events, methods, metrics, alone, settings });
  }
}
