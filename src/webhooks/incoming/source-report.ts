import type { RequestRecordStore, SourceCount, SourceTimes } from './request-record.store.js';

/** How a source stands: what became of its requests, and when. */
export interface SourceReport {
  /** Null for requests to names that are not a source. */
  readonly source: string | null;
  readonly accepted: number;
  readonly repeated: number;
  readonly handshakes: number;
  /** Of those accepted, how many did not fit the schema of their type. */
  readonly invalid: number;
  readonly failed: number;
  /** By the step at which they were refused. */
  readonly refused: Readonly<Record<string, number>>;
  /** The last genuine delivery that was taken, new or repeated. */
  readonly lastAcceptedAt: Date | null;
  readonly lastRefusedAt: Date | null;
  /** The first refusal behind the last genuine delivery. Null if none was refused since then. */
  readonly refusedSince: Date | null;
}

const NOT_REFUSED = new Set(['accepted', 'repeated', 'handshake', 'invalid', 'failed']);

/**
 * Reports on `known` sources, and on all others that sent something, by their names. `days` is how many days
 * are counted.
 */
export async function sourceReports(
  store: RequestRecordStore,
  days: number,
  known: Iterable<string> = [],
): Promise<SourceReport[]> {
  const counts = await store.counts(days);
  const times = await store.times();
  const names = new Set([...known, ...[...counts, ...times].map(({ source }) => source)]);
  return [...names].sort().map((source) =>
    reportOf(
      source,
      counts.filter((each) => each.source === source),
      times.find((each) => each.source === source),
    ),
  );
}

function reportOf(
  source: string,
  counts: readonly SourceCount[],
  times: SourceTimes | undefined,
): SourceReport {
  const of = (wanted: string) => counts.find(({ outcome }) => outcome === wanted)?.count ?? 0;
  const refused = counts.filter(({ outcome }) => !NOT_REFUSED.has(outcome));
  return {
    source: source === '' ? null : source,
    accepted: of('accepted'),
    repeated: of('repeated'),
    handshakes: of('handshake'),
    invalid: of('invalid'),
    failed: of('failed'),
    refused: Object.fromEntries(refused.map(({ outcome, count }) => [outcome, count])),
    lastAcceptedAt: times?.lastAcceptedAt ?? null,
    lastRefusedAt: times?.lastRefusedAt ?? null,
    // Nothing at such a name is ever accepted, so this says nothing.
    refusedSince: source === '' ? null : (times?.refusedSince ?? null),
  };
}
