import { setTimeout as delay } from 'node:timers/promises';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { messageOf } from '../../errors.js';
import type { Ended, LaneLimits, LaneRun, LaneWork, Outcome } from '../../lanes/lane-work.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { ConnectorRegistry } from '../definition/connector-registry.js';
import type { FoundSync } from '../definition/sync.js';
import type { DueStream, StreamStore } from './stream.store.js';
import { type RunParts, SyncAttempt } from './sync-run.js';

/** After so many failures in a row, a connection runs one stream at a time. */
const PROBE_AFTER_FAILURES = 5;
/** A lane that is handed over waits so long for the next page. */
const HAND_OVER_MS = 30_000;
/** Between two attempts, while the database refuses even that a stream is put off. */
const AFTER_FAILURE_MS = 2_000;

/** Streams, as work of lanes. Their targets are connections. Each run writes its own outcome. */
export class SyncWork implements LaneWork<DueStream> {
  readonly kind = 'sync';

  constructor(
    private readonly parts: RunParts,
    private readonly registry: Pick<ConnectorRegistry, 'all'>,
    private readonly logger: EngineLogger,
  ) {}

  limits(): LaneLimits {
    const { enabled, maxConcurrent, maxConcurrentPerConnection } = this.parts.settings();
    return {
      maxInFlight: enabled ? maxConcurrent : 0,
      maxInFlightPerTarget: Math.min(maxConcurrent, maxConcurrentPerConnection),
      probeAfterFailures: PROBE_AFTER_FAILURES,
      timeoutMs: HAND_OVER_MS,
    };
  }

  due(wanted: ReadonlyMap<string, number>): Promise<DueStream[]> {
    return this.streams.due(wanted);
  }

  nextDue(session: EngineSession, targets: readonly string[]) {
    return this.streams.nextDue(session, targets);
  }

  async save(_: EngineSession, ended: readonly Ended<DueStream>[]): Promise<readonly Ended<DueStream>[]> {
    return ended;
  }

  async run(due: DueStream, context: LaneRun): Promise<Outcome> {
    const sync = this.syncOf(due);
    if (sync === undefined) {
      await this.streams.putOff(due.tenantId, due.key);
      return { is: 'done' };
    }
    try {
      return await new SyncAttempt(this.parts, due, sync, context).run();
    } catch (error) {
      if (context.signal.aborted) return { is: 'done' };
      const words = `A run of sync ${due.connector}.${due.sync} could not be saved, and is repeated`;
      this.logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
      await this.putOffAfterFailure(due, context.signal);
      return { is: 'done' };
    }
  }

  /** Where not even that can be saved, the stream is still due, and comes again after a moment. */
  private async putOffAfterFailure({ tenantId, key }: DueStream, signal: AbortSignal): Promise<void> {
    try {
      await this.streams.putOff(tenantId, key);
    } catch {
      await delay(AFTER_FAILURE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private get streams(): StreamStore {
    return this.parts.streams;
  }

  private syncOf({ connector, sync }: DueStream): FoundSync | undefined {
    return this.registry.all.find(({ key }) => key === connector)?.syncs.get(sync);
  }
}
