import { clientOf } from '../../database/clients/session-client.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { DomainEventInput } from '../../events/domain-event.js';
import type { PartEvents } from '../../outbox/part-events.js';
import type { FoundSync } from '../definition/sync.js';
import { type Fate, fateOf, isGone } from './decide-record.js';
import type { CheckedPage, FitRecord } from './page.js';
import type { NewRecord, RecordStore } from './record.store.js';
import type { LockedStream, RunCounts, Stream } from './stream.js';
import { recordEvent } from './sync-events.js';

export const NO_COUNTS: RunCounts = {
  pages: 0,
  records: 0,
  added: 0,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  problems: 0,
};

/** What was saved, and the names of the events that tell of it. */
export interface SavedPage {
  readonly counts: RunCounts;
  readonly eventNames: readonly string[];
}

export interface SaveParts {
  readonly records: RecordStore;
  readonly events: PartEvents;
}

/** A page that was saved, and what became of each record that fits, in their order. */
export interface SavedRecords extends SavedPage {
  readonly fates: readonly Fate[];
}

/** Where the records of a page come from. */
export interface PageOrigin {
  /** A time of the database before the page was asked for. Null for what is told. */
  readonly since: Date | null;
  /** When it was told. Null for a page. */
  readonly toldAt: Date | null;
}

/*
 * Why records, events, checkpoint and counts agree.
 *
 * The caller holds the row of the stream, and has compared its token: so it is the owner, and no other page,
 * no webhook and no sweep of this stream is between the look at the records and their change. Everything is
 * one transaction with the checkpoint. If it is rolled back, the page comes again, and if its commit is
 * unknown, the next owner reads the checkpoint and goes on behind it.
 *
 * Events are written behind the rows of their records. The next change of a record waits for the row of the
 * stream, so its event gets a later position.
 */

/** Writes a page of records with the events of what has changed, in the caller's transaction. */
export async function savePage(
  session: EngineSession,
  { records, events }: SaveParts,
  stream: LockedStream,
  sync: FoundSync,
  page: Pick<CheckedPage, 'fit' | 'problems' | 'deleted'>,
  { since, toldAt }: PageOrigin,
): Promise<SavedRecords> {
  const { generation } = stream;
  const ids = [...page.fit.map(({ externalId }) => externalId), ...page.deleted];
  const stored = await records.read(session, stream, ids);
  const written: NewRecord[] = [];
  const seen: FitRecord[] = [];
  const made: DomainEventInput[] = [];
  const fates: Fate[] = [];
  let added = 0;
  for (const record of page.fit) {
    const { externalId, hash, sourceAt, json, value } = record;
    const before = stored.get(externalId);
    const fate = fateOf(before, record, since);
    fates.push(fate);
    if (fate === 'added' || fate === 'updated') {
      if (fate === 'added') added++;
      written.push({ externalId, hash, sourceAt, data: sync.records === 'full' ? json : null });
      made.push(recordEvent(stream, sync, fate === 'added' ? 'created' : 'updated', externalId, value));
    } else if (toldAt !== null ? fate === 'unchanged' : isToBeSeen(before, generation, fate, sourceAt))
      seen.push(fate === 'older' ? { ...record, sourceAt: null } : record);
  }
  const gone = page.deleted.filter((id) => isGone(stored.get(id), since));
  for (const id of gone) made.push(recordEvent(stream, sync, 'deleted', id));
  await records.write(session, stream, written, generation, toldAt);
  await records.see(session, stream, seen, generation, toldAt);
  await records.bury(session, stream, gone, generation, null);
  await records.setAside(session, stream, page.problems, generation);
  await records.heal(session, stream, ids);
  await events.write(clientOf(session), made);
  return {
    fates,
    counts: {
      pages: 1,
      records: page.fit.length + page.problems.length,
      added,
      updated: written.length - added,
      deleted: gone.length,
      unchanged: page.fit.length - written.length,
      problems: page.problems.length,
    },
    eventNames: [...new Set(made.map(({ eventName }) => eventName))],
  };
}

/** An unchanged record is written only if something of it is to be kept: its generation, or a later time. */
function isToBeSeen(
  before: { readonly generation: number; readonly sourceAt: Date | null } | undefined,
  generation: number,
  fate: 'unchanged' | 'older',
  sourceAt: Date | null,
): boolean {
  if (before === undefined || before.generation !== generation) return true;
  const isLater = sourceAt !== null && (before.sourceAt === null || sourceAt > before.sourceAt);
  return fate === 'unchanged' && isLater;
}

/** Deletes records with their events, in the caller's transaction. */
export async function buryRecords(
  session: EngineSession,
  { records, events }: SaveParts,
  stream: Stream,
  sync: FoundSync,
  ids: readonly string[],
  told: { readonly at: Date; readonly sourceAt: Date | null } | null,
): Promise<SavedPage> {
  const made = ids.map((id) => recordEvent(stream, sync, 'deleted', id));
  await records.bury(session, stream, ids, stream.generation, told);
  await records.heal(session, stream, ids);
  await events.write(clientOf(session), made);
  return {
    counts: { ...NO_COUNTS, deleted: ids.length },
    eventNames: [...new Set(made.map(({ eventName }) => eventName))],
  };
}
