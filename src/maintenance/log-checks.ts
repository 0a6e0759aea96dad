import type { EngineDatabase } from '../database/engine-database.js';
import { sqlLiteral } from '../database/sql/pasteable-text.js';
import { SequenceStore } from '../inbox/sequence.store.js';
import { LAST_POSITION, positionMending } from '../log/last-position.js';
import { type Check, type Found, NotChecked, secondsAgo } from './finding.js';
import { LogHealthStore, type OpenTransaction } from './log-health.store.js';

export interface LogThresholds {
  /** How many seconds a transaction that has published may stay open. The default is 60. */
  openTransactionSeconds: number;
  /** How many seconds any transaction may keep a snapshot. The default is an hour. */
  snapshotSeconds: number;
}

type Findings = Found[];

/** Checks of the sequence, and of transactions that block the log. */
export function logChecks(db: EngineDatabase, thresholds: LogThresholds): Check[] {
  const store = new LogHealthStore(db);
  return [
    { name: 'sequence-behind', severity: 'critical', run: () => sequenceFindings(db, store) },
    { name: 'open-transaction', run: () => writerFindings(store, thresholds.openTransactionSeconds) },
    { name: 'prepared-transaction', run: () => preparedFindings(store, thresholds.openTransactionSeconds) },
    { name: 'old-snapshot', run: () => snapshotFindings(store, thresholds.snapshotSeconds) },
  ];
}

/** An application that publishes a million events each second uses them up within eleven days. */
const POSITIONS_IN_RESERVE = 1_000_000_000_000;

async function sequenceFindings(db: EngineDatabase, store: LogHealthStore): Promise<Findings> {
  const found = await store.sequence();
  if (found === undefined) throw new NotChecked('the column position has no sequence');
  const { sequence, head } = found;
  const positions = new SequenceStore(db);
  const next = await positions.next();
  if (next === undefined)
    throw new NotChecked(
      `the role has no right on the sequence ${sequence}: GRANT SELECT ON SEQUENCE ${sequence} TO <role>`,
    );
  if (next > LAST_POSITION - POSITIONS_IN_RESERVE) {
    return [
      {
        finding:
          next > LAST_POSITION
            ? `The sequence has no position left: the last one is ${LAST_POSITION}.`
            : `The sequence has ${LAST_POSITION - next + 1} positions left.`,
        meaning:
          'Publishing is refused at the end, and events behind it would be delivered twice or not at all.',
        fix: `${positionMending(db.schema)}.`,
        details: { nextPosition: next, head, tail: null, consumerName: null },
      },
    ];
  }
  const ahead = await positions.behind();
  const reached = Math.max(head, ahead === undefined ? 0 : ahead.tail - 1);
  if (next > reached) return [];
  const who =
    ahead === undefined
      ? `the log goes up to ${head}`
      : `consumer "${ahead.consumerName}" has left everything below ${ahead.tail} behind`;
  return [
    {
      finding: `The next event would get position ${next}, but ${who}.`,
      meaning:
        'Publishing fails, or new events are never delivered: a restore left the sequence out, or it was reset.',
      fix: `Stop the workers, then run: SELECT setval(${sqlLiteral(sequence)}, ${reached})`,
      details: {
        nextPosition: next,
        head,
        tail: ahead?.tail ?? null,
        consumerName: ahead?.consumerName ?? null,
      },
    },
  ];
}

async function writerFindings(store: LogHealthStore, seconds: number): Promise<Findings> {
  const writers = await store.writers();
  const hidden = writers.filter(({ openForSeconds }) => openForSeconds === null);
  const [oldest, ...others] = writers.filter(({ openForSeconds }) => (openForSeconds ?? 0) > seconds);
  if (oldest === undefined && hidden.length > 0) {
    throw new NotChecked(
      `the role may not see since when ${hidden.length} transactions are open: GRANT pg_read_all_stats`,
    );
  }
  if (oldest === undefined) return [];
  const holes = await store.mostHoles();
  const besides = others.length === 0 ? '' : ` ${others.length} more are older than ${seconds} s.`;
  return [
    {
      about: [oldest.pid],
      since: secondsAgo(oldest.openForSeconds ?? 0),
      finding: `${describe(oldest)} has published and is open for ${Math.round(oldest.openForSeconds ?? 0)} s; up to ${holes} positions are waited for.${besides}`,
      meaning:
        'Its events appear when it commits; until then no rolled-back position can be told from one of its own, so reading and saving get dearer.',
      fix: `Find out why it stays open. To end it: SELECT pg_terminate_backend(${oldest.pid})`,
      details: { ...oldest, positions: holes, others },
    },
  ];
}

async function preparedFindings(store: LogHealthStore, seconds: number): Promise<Findings> {
  const prepared = (await store.prepared()).filter(({ preparedForSeconds }) => preparedForSeconds > seconds);
  return prepared.map(({ gid, owner, preparedForSeconds }) => ({
    about: [gid],
    since: secondsAgo(preparedForSeconds),
    finding: `Transaction '${gid}' of ${owner} has published and is prepared for ${Math.round(preparedForSeconds)} s, neither committed nor rolled back.`,
    meaning: 'It survives restarts. Until it ends, no rolled-back position is taken out of any cursor.',
    fix: `Ask the application or person that coordinates it, then: COMMIT PREPARED ${sqlLiteral(gid)} or ROLLBACK PREPARED ${sqlLiteral(gid)}`,
    details: { gid, owner, preparedForSeconds },
  }));
}

async function snapshotFindings(store: LogHealthStore, seconds: number): Promise<Findings> {
  const [oldest, ...others] = await store.oldSnapshots(seconds);
  if (oldest === undefined) return [];
  return [
    {
      about: [oldest.pid],
      since: secondsAgo(oldest.openForSeconds ?? 0),
      finding: `${describe(oldest)} holds a snapshot for ${Math.round((oldest.openForSeconds ?? 0) / 60)} minutes.`,
      meaning:
        'Rows that were updated or deleted since cannot be cleaned up: saves of cursors get slower, tables grow.',
      fix: `Find out why it stays open. To end it: SELECT pg_terminate_backend(${oldest.pid})`,
      details: { ...oldest, others },
    },
  ];
}

function describe({ pid, user, application, address, state }: OpenTransaction): string {
  const from = address === null ? '' : ` from ${address}`;
  return `The transaction of pid ${pid} (${application || 'no application name'}, user ${user}${from}, ${state})`;
}
