import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { clientOf } from '../database/clients/session-client.js';
import { IntegrationError } from '../errors.js';
import type { EventLimits } from '../events/event-limits.js';
import { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { SagaStore } from './saga.store.js';
import { called, unknownSaga } from './saga-errors.js';
import type { SagaOutcome } from './saga-instance.js';
import { skipped } from './saga-turn.js';
import { SagaWriter } from './saga-writer.js';
import { undoing } from './undo-list.js';

/** As what a saga ends by hand, by whom, and why. */
export interface EndSaga {
  readonly saga: string;
  readonly key: string;
  readonly outcome: SagaOutcome;
  readonly author: Author;
}

/** What it was before, and the names of the events that were published. */
export interface EndedSaga {
  readonly id: string;
  readonly step: string;
  readonly published: readonly string[];
}

/**
 * Ends a saga by hand. It waits for the step that runs at this moment. With the outcome `undone` it publishes
 * what the saga has remembered. Everything, and the audit, is committed together.
 *
 * @throws IntegrationError INTEGRATION_SAGA_UNKNOWN; INTEGRATION_SAGA_STATE if it has ended already
 */
export function endSaga(
  admin: AdminDatabase,
  limits: EventLimits,
  { saga, key, outcome, author }: EndSaga,
): Promise<EndedSaga> {
  const store = new SagaStore(admin);
  return admin.transaction(async (session) => {
    const client = clientOf(session);
    const { locked, found } = await store.begin(client, saga, key);
    if (found === undefined) throw unknownSaga(saga, key);
    if (found.status !== 'active') throw hasEnded(saga, key, found.status);
    const waiting = found.hasWaiting ? await store.dropWaiting(client, locked) : [];
    const { step, steps, state, version, undo } = found;
    const row = {
      step,
      status: outcome,
      state: JSON.stringify(state),
      version,
      undo: [],
      timeouts: {},
      steps,
    };
    const entry = {
      outboxEventId: null,
      name: 'end',
      before: step,
      after: step,
      reason: reasonOf(outcome, author),
    };
    await store.save(client, locked, row, [entry, ...waiting.map((event) => skipped(event, step))]);
    const writer = new SagaWriter({ store: new OutboxEventStore(admin), limits });
    const published = outcome === 'undone' ? await writer.write(client, undoing(undo)) : [];
    await new AuditStore(admin).add(session, author, {
      action: 'sagas.end',
      target: `saga/${saga}/${key}`,
      before: { status: 'active', step },
      after: { status: outcome },
      affected: 1,
    });
    return { id: found.id, step, published: published.map(({ eventName }) => eventName) };
  });
}

/** Whoever reads the history sees who decided it. */
function reasonOf(outcome: SagaOutcome, { actor, reason }: Author): string {
  return `${outcome} by ${actor}${reason === null ? '' : `: ${reason}`}`;
}

function hasEnded(saga: string, key: string, status: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SAGA_STATE',
    `${called(saga, key)} has ended already: it is ${status}`,
    {
      saga,
      key,
      status,
    },
  );
}
