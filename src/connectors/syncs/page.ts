import { validateLater } from '../../contracts/validate.js';
import { problemsOf } from '../../contracts/violations.js';
import { IntegrationError } from '../../errors.js';
import { serializePayload } from '../../events/json-payload.js';
import { problemOfText, storableText } from '../../words/text.js';
import type { FoundSync } from '../definition/sync.js';
import { hashOf } from './canonical-json.js';
import type { NewProblem } from './record.store.js';
import { timeFrom } from './timestamp-cursor.js';

const LONGEST_ID = 255;
const LONGEST_PATH = 250;
const LONGEST_REASON = 990;
/** What else is in the payload of an event. */
const ROOM_IN_EVENT = 4_096;

/** A record that fits its model. */
export interface FitRecord {
  readonly externalId: string;
  /** Hexadecimal. */
  readonly hash: string;
  readonly sourceAt: Date | null;
  readonly value: unknown;
  readonly json: string;
}

/** A page whose form was checked, and whose records were mapped. */
export interface CheckedPage {
  readonly fit: readonly FitRecord[];
  readonly problems: readonly NewProblem[];
  readonly deleted: readonly string[];
  /** Undefined if the page has none. */
  readonly checkpoint: unknown;
}

/** What a page is checked by. */
export interface PageRules {
  readonly sync: FoundSync;
  readonly maxPayloadBytes: number;
}

/** Says why a page cannot be taken. */
export class UnfitPage extends Error {}

/** @throws UnfitPage */
export async function checkedPage(given: unknown, rules: PageRules): Promise<CheckedPage> {
  const { sync } = rules;
  if (typeof given !== 'object' || given === null) throw new UnfitPage('it is no object with records');
  const {
    records,
    deleted = [],
    checkpoint,
  } = given as { records?: unknown; deleted?: unknown; checkpoint?: unknown };
  if (!Array.isArray(records)) throw new UnfitPage('records is no list');
  if (!Array.isArray(deleted)) throw new UnfitPage('deleted is no list');
  if (deleted.length > 0 && sync.deletions === 'none')
    throw new UnfitPage("it has deleted records, and the sync has deletions: 'none'");
  const ids = records.map((record) => idFrom(sync, record));
  const gone = deleted.map((id: unknown) => checkedId(id));
  const twice = firstTwice([...ids, ...gone]);
  if (twice !== undefined) throw new UnfitPage('it has two records with the same id');
  const checked = await Promise.all(
    records.map((record, i) => checkedRecord(record, ids[i] as string, rules)),
  );
  return {
    fit: checked.flatMap((each) => ('json' in each ? [each] : [])),
    problems: checked.flatMap((each) => ('json' in each ? [] : [each])),
    deleted: gone,
    checkpoint: await checkedCheckpoint(sync, checkpoint),
  };
}

/** @throws UnfitPage for a record without an id */
export function idFrom(sync: FoundSync, record: unknown): string {
  return checkedId(read(() => sync.idOf(record)));
}

export function checkedId(id: unknown): string {
  const text = typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : id;
  const problem = problemOfText(text, LONGEST_ID);
  if (problem !== undefined) throw new UnfitPage(`a record has no id that can be used: it ${problem}`);
  return text as string;
}

/** A record as its mapping and its model make it, or why they refuse it. */
export async function checkedRecord(
  record: unknown,
  externalId: string,
  { sync, maxPayloadBytes }: PageRules,
): Promise<FitRecord | NewProblem> {
  const aside = ({ path, reason }: { path: string; reason: string }): NewProblem => ({
    externalId,
    path: storableText(path, LONGEST_PATH),
    reason: storableText(reason, LONGEST_REASON),
    data: sync.records === 'full' ? rawJson(record, maxPayloadBytes) : null,
  });
  const sourceAt = sync.changedAtOf === undefined ? null : read(() => sync.changedAtOf?.(record));
  const time = sourceAt === null || sourceAt === undefined ? null : timeFrom(sourceAt);
  if (time === undefined) return aside({ path: 'record', reason: 'changedAt is no time' });
  const mapped = await mappedRecord(record, sync);
  if ('path' in mapped) return aside(mapped);
  try {
    const { json } = serializePayload(
      mapped.value,
      { maxPayloadBytes: maxPayloadBytes - ROOM_IN_EVENT },
      'record',
    );
    const value = JSON.parse(json) as unknown;
    return { externalId, hash: hashOf(value), sourceAt: time, value, json };
  } catch (error) {
    if (!(error instanceof IntegrationError)) throw error;
    return aside({ path: String(error.details.path ?? 'record'), reason: reasonOf(error) });
  }
}

async function mappedRecord(
  record: unknown,
  { mapping, model }: FoundSync,
): Promise<{ value: unknown } | { path: string; reason: string }> {
  let value: unknown = record;
  if (mapping !== undefined) {
    const came = await validateLater(mapping.from, record);
    if (came.issues !== undefined) return first(problemsOf(mapping.from, came.issues, 'record'));
    try {
      value = mapping.forward(came.value);
    } catch (error) {
      return { path: 'record', reason: `its mapping has thrown ${nameOf(error)}` };
    }
  }
  const verdict = await validateLater(model.schema, value);
  return verdict.issues === undefined
    ? { value: verdict.value }
    : first(problemsOf(model.schema, verdict.issues, model.name));
}

async function checkedCheckpoint({ checkpoint: schema }: FoundSync, checkpoint: unknown): Promise<unknown> {
  if (checkpoint === undefined) return undefined;
  let value: unknown = checkpoint;
  if (schema !== undefined) {
    const verdict = await validateLater(schema, checkpoint);
    if (verdict.issues !== undefined) {
      const { path, reason } = first(problemsOf(schema, verdict.issues, 'checkpoint'));
      throw new UnfitPage(`its checkpoint does not fit: ${path}: ${reason}`);
    }
    value = verdict.value;
  }
  try {
    return JSON.parse(serializePayload(value, { maxPayloadBytes: 65_536 }, 'checkpoint').json);
  } catch (error) {
    if (!(error instanceof IntegrationError)) throw error;
    throw new UnfitPage(`its checkpoint cannot be stored: ${error.message}`);
  }
}

const first = (problems: readonly { path: string; reason: string }[]) =>
  problems[0] ?? { path: 'record', reason: 'it does not fit' };

function firstTwice(ids: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) return id;
    seen.add(id);
  }
  return undefined;
}

/** A function of the application may throw. */
function read(reading: () => unknown): unknown {
  try {
    return reading();
  } catch (error) {
    throw new UnfitPage(`reading a record has thrown ${nameOf(error)}`);
  }
}

function rawJson(record: unknown, maxPayloadBytes: number): string | null {
  try {
    return serializePayload(record, { maxPayloadBytes }, 'record').json;
  } catch {
    return null;
  }
}

/** Its message may repeat what was given. */
export function nameOf(error: unknown): string {
  const { name } = Object(error) as { name?: unknown };
  return typeof name === 'string' && /^\w{1,60}$/.test(name) ? name : 'an error';
}

function reasonOf(error: IntegrationError): string {
  return error.code === 'INTEGRATION_PAYLOAD_TOO_LARGE' ? 'it is too large for an event' : error.message;
}
