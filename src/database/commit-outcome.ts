import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from './connection/connection-loss.js';
import { ASK_OUTCOME, type NumberedTransaction } from './sql/commit-outcome.store.js';

/** Milliseconds for which an answer is looked for. */
const ASKED_FOR_MS = 5_000;
const PAUSE_MS = 100;

interface Session {
  query<Row>(sql: string, params: readonly unknown[]): Promise<Row[]>;
}

/**
 * What has become of a transaction whose COMMIT was sent and not answered. Undefined if nobody knows: the
 * server cannot be asked, it has started or recovered since, or the transaction has not ended. `session` must
 * be on another connection than the transaction.
 */
export async function outcomeOf(
  session: Session,
  { xid, server }: NumberedTransaction,
): Promise<'committed' | 'aborted' | undefined> {
  if (xid === null) return 'aborted';
  const deadline = performance.now() + ASKED_FOR_MS;
  for (;;) {
    try {
      const [row] = await session.query<{ outcome: string | null }>(ASK_OUTCOME, [xid, server]);
      const outcome = row?.outcome ?? undefined;
      if (outcome === 'committed' || outcome === 'aborted' || outcome === undefined) return outcome;
    } catch (error) {
      if (!isConnectionLoss(error)) return undefined;
    }
    if (performance.now() >= deadline) return undefined;
    await sleep(PAUSE_MS);
  }
}
