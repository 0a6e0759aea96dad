import { setTimeout as delay } from 'node:timers/promises';
import { clientOf } from '../database/clients/session-client.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { messageOf } from '../errors.js';
import type { Lease } from '../membership/leases/lease.js';
import type { PartEvents } from '../outbox/part-events.js';
import type { EngineLogger } from '../words/engine-logger.js';
import type { CallStore } from './call.store.js';
import { callError } from './call-errors.js';
import type { CallMetrics } from './call-metrics.js';
import { CallTurn } from './call-turn.js';
import type { CallWorkStore } from './call-work.store.js';

export const DEADLINES_LEASE = 'calls.deadlines';

const LOOK_EVERY_MS = 1_000;
const BATCH = 100;

/**
 * Ends calls whose deadline has passed. It has a lease of its own and looks at deadlines alone, so it works
 * for calls of every type, also where their lanes are full, paused or nobody's.
 */
export class CallDeadlines {
  constructor(
    private readonly parts: {
      readonly db: EngineDatabase;
      readonly store: CallStore;
      readonly look: CallWorkStore;
      readonly events: PartEvents;
      readonly metrics: CallMetrics;
    },
    private readonly logger: Pick<EngineLogger, 'warnOfFailure'>,
  ) {}

  async run({ signal }: Lease): Promise<void> {
    while (!signal.aborted) {
      const ended = await this.endOverdue().catch((error: unknown) => {
        const words = 'Deadlines of calls wait for the database';
        this.logger.warnOfFailure(`${words}: ${messageOf(error)}`, words);
        return 0;
      });
      if (ended < BATCH) await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Ends calls that are overdue, at most 100. Returns their number. */
  async endOverdue(): Promise<number> {
    const { db, store, look, events, metrics } = this.parts;
    const { names, types, count } = await db.transaction(async (session) => {
      const client = clientOf(session);
      const ids = await look.overdue(session, BATCH);
      const names: string[] = [];
      const types: string[] = [];
      for (const id of ids) {
        const call = await store.lock(client, id);
        if (call === undefined) continue;
        const turn = new CallTurn({ store, events }, client, call);
        const error = callError(
          'INTEGRATION_CALL_DEADLINE',
          'The call has not ended before its deadline. The other system may still work on it',
        );
        await turn.hear({ phase: 'failed', error }, 'deadline');
        await turn.save(null);
        names.push(...turn.eventNames);
        types.push(call.type);
      }
      return { names, types, count: ids.length };
    });
    events.committed(names);
    for (const type of types) metrics.ended(type, 'failed');
    return count;
  }
}
