import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EngineClient } from '../../src/database/clients/engine-client.js';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import type { ExceptionRow, ResolvedRow } from '../../src/inbox/inbox-status.js';
import type { Settlement } from '../../src/inbox/settlement.store.js';
import type { LogEvent } from '../../src/log/log-event.js';
import { PositionSet } from '../../src/log/position-set.js';
import { type Holdings, RealInbox, realEventId } from '../support/real-inbox.js';
import { KEY, SimulatedInbox, type SimulatedRow } from '../support/simulated-inbox.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * Specs without a database run on a simulated inbox. Whatever they show holds for the package only if the simulation does what
 * the stores do. So each operation is done by both here, one after another: they have to answer the same, and to hold the same
 * afterwards.
 */

const RUNS = Number(process.env.MODEL_RUNS ?? 60);
const HOUR_MS = 3_600_000;
/** Times are compared to this: it is far more than a run takes, and far less than the delays that are used. */
const SAME_TIME_MS = HOUR_MS / 4;
const AGGREGATES = ['a', 'b'];
/** Nobody else's. */
const STRANGER = '00000000-0000-4000-8000-000000000099';

const WEIGHTS = {
  publish: 8,
  'publish delayed': 1,
  'read page': 3,
  'read by position': 1,
  settle: 10,
  'queue up': 3,
  release: 4,
  'settle positions': 2,
  'settle covered': 2,
  'save read upto': 1,
  'save suspects below': 1,
  'forget unclean': 1,
  'move to inbox': 3,
  'claim due': 8,
  'interrupt leftovers': 3,
  'count foreign': 1,
  'has interrupted': 1,
  'unresolved aggregates': 2,
  due: 2,
  redrive: 2,
  discard: 2,
  'commit handler': 3,
  'commit batch': 2,
  'claim cursor': 2,
  'an hour': 3,
} as const;

const bits = fc.nat({ max: 4_095 });
const step = fc.record({
  kind: fc.oneof(
    ...Object.entries(WEIGHTS).map(([kind, weight]) => ({
      arbitrary: fc.constant(kind as keyof typeof WEIGHTS),
      weight,
    })),
  ),
  which: fc.nat({ max: 11 }),
  count: fc.integer({ min: 1, max: 5 }),
  flag: fc.boolean(),
  /** Under the token of a former owner. */
  stale: fc.oneof({ arbitrary: fc.constant(true), weight: 1 }, { arbitrary: fc.constant(false), weight: 12 }),
  positions: bits,
  exceptions: bits,
  resolved: bits,
  release: bits,
  covered: bits,
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

let database: TestDatabase;
let db: EngineDatabase;
let client: EngineClient;

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.engine();
  client = db.openClient();
});
afterAll(() => database.drop());

interface Tokens {
  readonly simulated: string;
  readonly real: string;
}

/** Both, and what has been done to them. */
class Pair {
  private readonly story: string[] = [];
  private now = 0;
  private readonly simulated = new SimulatedInbox(() => this.now);
  private former: Tokens = { simulated: 'nobody', real: STRANGER };
  private tokens: Tokens = this.former;

  private constructor(private readonly real: RealInbox) {}

  static async open(): Promise<Pair> {
    const pair = new Pair(await RealInbox.open(db, client));
    await pair.perform({ kind: 'claim cursor', flag: false } as Step);
    for (const which of [0, 1]) await pair.perform({ kind: 'publish', which, count: 5 } as Step);
    return pair;
  }

  /** Does the same with both, and compares what they answer and what they hold. */
  async perform(each: Step): Promise<void> {
    this.story.push(each.kind);
    const [simulated, real] = await this.answersOf(each);
    try {
      expect({ answer: real }).toEqual({ answer: simulated });
      expect(await this.realHoldings()).toEqual(this.simulatedHoldings());
    } catch (error) {
      throw new Error(`after ${this.story.join(', ')}`, { cause: error });
    }
    await this.setClock();
  }

  /** The rows are due when the simulation has them due, to the millisecond, however long the statements took. */
  private setClock(): Promise<void> {
    return this.real.setClock(
      new Map(
        [...this.simulated.rows.values()].flatMap(({ position, availableAt }) =>
          isTime(availableAt) ? [[position, availableAt - this.now]] : [],
        ),
      ),
    );
  }

  private async answersOf(each: Step): Promise<readonly [unknown, unknown]> {
    const { kind, which, count, flag, stale } = each;
    const { simulated, real } = this;
    const token = stale ? this.former : this.tokens;
    const ids = await real.idsByPosition();
    const idOf = ({ position }: SimulatedRow) => ids.get(position) ?? STRANGER;
    const positionOf = new Map([...ids].map(([position, id]) => [id, position]));
    const rows = [...simulated.rows.values()];
    const row = rows[which % Math.max(1, rows.length)];
    const processing = rows.filter(({ status }) => status === 'processing');
    const event = simulated.log[which % Math.max(1, simulated.log.length)];
    const aggregate = AGGREGATES[which % AGGREGATES.length] ?? '';
    switch (kind) {
      case 'publish':
        for (let n = 0; n < count; n++) await real.publish(simulated.publish(aggregate), aggregate);
        return [undefined, undefined];
      case 'publish delayed':
        await real.publish(simulated.publish(aggregate, HOUR_MS), aggregate, HOUR_MS);
        return [undefined, undefined];
      case 'read page': {
        const [one, other] = [
          simulated.readPage(simulated.unread.clone(), count),
          await real.readPage(simulated.unread.clone(), count),
        ];
        return [pageOf(one), pageOf(other)];
      }
      case 'read by position': {
        const positions = [1, 2, 3].map((n) => n * (which + 1));
        return [[...simulated.readByPosition(positions).keys()], await real.readByPosition(positions)];
      }
      case 'settle':
      case 'queue up':
      case 'release': {
        const of = this.savedBy(each);
        const answer = simulated.settle(token.simulated, of);
        const other = await real.settle(token.real, this.asReal(of, ids));
        const numbers = (updated: readonly string[], toPosition: (id: string) => number | undefined) =>
          updated.map((id) => toPosition(id) ?? 0).sort(byNumber);
        return [
          {
            held: answer.held,
            found: answer.found.map(({ position, status }) => `${position} ${status}`).sort(),
            updated: numbers(answer.updated, (id) => rows.find((each) => each.id === id)?.position),
            stillBlocked: answer.stillBlocked.map(({ aggregateId }) => aggregateId).sort(),
          },
          {
            held: other.held,
            found: other.found.map(({ position, status }) => `${position} ${status}`).sort(),
            updated: numbers(other.updated, (id) => positionOf.get(id)),
            stillBlocked: other.stillBlocked.map(({ aggregateId }) => aggregateId).sort(),
          },
        ];
      }
      case 'settle positions': {
        const positions = this.positionsOf(each).toString();
        return [
          simulated.settlePositions(token.simulated, positions, count),
          await real.settlePositions(token.real, positions, count),
        ];
      }
      case 'settle covered': {
        const of = { ...this.settlementOf(each), exceptions: [], resolved: [], release: [] };
        const { positions, covered } = this.asReal(of, ids);
        return [
          simulated.settle(token.simulated, of).held,
          await real.settleCovered(token.real, positions, covered),
        ];
      }
      case 'save read upto':
        return [simulated.saveReadUpto(token.simulated, which), await real.saveReadUpto(token.real, which)];
      case 'save suspects below':
        return [
          simulated.saveSuspectsBelow(token.simulated, which),
          await real.saveSuspectsBelow(token.real, which),
        ];
      case 'forget unclean':
        return [
          simulated.forgetUncleanTakeovers(token.simulated, which),
          await real.forgetUncleanTakeovers(token.real, which),
        ];
      case 'move to inbox': {
        if (event === undefined) return [undefined, undefined];
        const { position } = event;
        const { aggregateId } = event.event;
        const of = { position, aggregateType: 'thing', aggregateId };
        const one = simulated.moveToInbox(token.simulated, of);
        const other = await real.moveToInbox(token.real, of);
        return [
          { held: one.held, isMoved: one.inboxEventId !== undefined },
          { held: other.held, isMoved: other.inboxEventId !== undefined },
        ];
      }
      case 'claim due': {
        const claimable = (['any', 'others', 'suspects'] as const)[which % 3] ?? 'any';
        const one = simulated.claimDue([KEY, token.simulated, count, flag, claimable]);
        const other = await real.claimDue(KEY, token.real, count, flag, claimable);
        const claimed = ({ rows, more }: typeof other) => [
          more,
          ...rows
            .map(({ position, attempt, follows, aggregateId }) => ({
              position,
              attempt,
              follows,
              aggregateId,
            }))
            .sort((a, b) => a.position - b.position),
        ];
        return [claimed(one), claimed(other)];
      }
      case 'interrupt leftovers': {
        const mine = chosen(processing, each.resolved);
        return [
          simulated.interruptLeftovers(
            token.simulated,
            mine.map(({ id }) => id),
            flag,
          ),
          await real.interruptLeftovers(token.real, mine.map(idOf), flag),
        ];
      }
      case 'count foreign': {
        const mine = chosen(processing, each.resolved);
        return [
          simulated.countForeignProcessing(mine.map(({ id }) => id)),
          await real.countForeignProcessing(mine.map(idOf)),
        ];
      }
      case 'has interrupted':
        return [simulated.hasSuspects(), await real.hasSuspects()];
      case 'unresolved aggregates': {
        const listed = (found: Awaited<ReturnType<typeof real.unresolvedAggregates>>) =>
          found.map(({ aggregateId, highest }) => `${aggregateId} ${highest}`).sort();
        return [listed(simulated.unresolvedAggregates()), listed(await real.unresolvedAggregates())];
      }
      case 'due': {
        const [one, other] = [simulated.dueInMs, await real.dueInMs()];
        return [one === null ? null : timeOf(one), other === null ? null : timeOf(other)];
      }
      case 'redrive':
        return row === undefined
          ? [undefined, undefined]
          : [simulated.redrive(row.position), await real.redrive(row.position)];
      case 'discard':
        return row === undefined
          ? [undefined, undefined]
          : [simulated.discard(row.position), await real.discard(row.position)];
      case 'commit handler': {
        if (flag && row !== undefined) {
          const attempt = row.attempt + (count === 1 ? 1 : 0);
          const inboxEventId = idOf(row);
          return [
            simulated.commitHandler(row.position, row.aggregateId, attempt),
            await real.commitHandler(row.position, row.aggregateId, { inboxEventId, attempt }),
          ];
        }
        if (event === undefined) return [undefined, undefined];
        const { position } = event;
        const { aggregateId } = event.event;
        return [
          simulated.commitHandler(position, aggregateId, undefined),
          await real.commitHandler(position, aggregateId, undefined),
        ];
      }
      case 'commit batch': {
        const positions = chosen(simulated.log, each.positions).map(({ position }) => position);
        return [simulated.commitBatch(positions), await real.commitBatch(this.tokens.real, positions)];
      }
      case 'claim cursor': {
        const [one, other] = [simulated.claimCursor(flag), await real.claimCursor(flag)];
        this.former = this.tokens;
        this.tokens = { simulated: one.leaseToken, real: other.leaseToken };
        // The simulation has a clock of its own, which is not that of the server.
        const seen = ({ leaseToken, unread, registeredAt, ...rest }: typeof other) => ({
          ...rest,
          unread: unread.toString(),
        });
        return [seen(one), seen(other)];
      }
      case 'an hour':
        this.now += HOUR_MS;
        await this.setClock();
        return [undefined, undefined];
    }
  }

  private positionsOf({ positions }: Step): PositionSet {
    return PositionSet.of(chosen(this.simulated.log, positions).map(({ position }) => position));
  }

  private savedBy(each: Step): Settlement {
    const nothing: Settlement = { positions: '{}', exceptions: [], resolved: [], release: [], covered: [] };
    const aggregateId = AGGREGATES[each.which % AGGREGATES.length] ?? '';
    if (each.kind === 'release') return { ...nothing, release: [{ aggregateType: 'thing', aggregateId }] };
    if (each.kind === 'settle') return this.settlementOf(each);
    // All of an aggregate that are not written down yet, mostly with one among them that does more than wait.
    const waiting = this.simulated.log.filter(
      ({ position, event }) => event.aggregateId === aggregateId && !this.simulated.rows.has(position),
    );
    const exceptions = waiting.map(({ position, event }, n) =>
      exceptionOf(
        position,
        event,
        (n === each.count ? EXCEPTIONS[each.which % EXCEPTIONS.length] : undefined) ?? WAITING,
      ),
    );
    return { ...nothing, exceptions };
  }

  /** What a save may hold: no row is changed twice by it, and no aggregate is released of which it writes a row. */
  private settlementOf(each: Step): Settlement {
    const { simulated } = this;
    const rows = [...simulated.rows.values()];
    const resolved = chosen(
      rows.filter(({ status }) => status === 'processing'),
      each.resolved,
    );
    const covered = chosen(
      rows.filter(({ status }) => status === 'processed'),
      each.covered,
    );
    const touched = new Set([...resolved, ...covered].map(({ position }) => position));
    // Few of them more often than not, so that there is something to release.
    const few = each.exceptions & each.covered & each.resolved;
    const exceptions = chosen(simulated.log, each.flag ? each.exceptions : few).filter(
      ({ position }) => !touched.has(position),
    );
    const written = new Set(exceptions.map(({ event }) => event.aggregateId));
    return {
      positions: this.positionsOf(each).toString(),
      exceptions: exceptions.map(({ position, event }, n) =>
        exceptionOf(position, event, EXCEPTIONS[(each.which + n) % EXCEPTIONS.length] ?? WAITING),
      ),
      resolved: resolved.map((row, n): ResolvedRow => {
        const end = ENDS[(each.which + n) % ENDS.length] ?? ENDS[0];
        return {
          inboxEventId: row.id,
          aggregateType: 'thing',
          aggregateId: row.aggregateId,
          attempt: row.attempt + (each.count === 1 && n === 0 ? 1 : 0),
          ...end,
          error: undefined,
          fingerprint: undefined,
          failedAttempt: undefined,
        };
      }),
      release: chosen(AGGREGATES, each.release)
        .filter((aggregateId) => !written.has(aggregateId))
        .map((aggregateId) => ({ aggregateType: 'thing', aggregateId })),
      covered: covered.map(({ position }) => `event ${position}`),
    };
  }

  private asReal(settlement: Settlement, ids: ReadonlyMap<number, string>): Settlement {
    const rows = new Map([...this.simulated.rows.values()].map(({ id, position }) => [id, position]));
    const eventId = (id: string) => realEventId(Number(id.replace('event ', '')));
    return {
      ...settlement,
      exceptions: settlement.exceptions.map((row) => ({ ...row, outboxEventId: eventId(row.outboxEventId) })),
      resolved: settlement.resolved.map((row) => ({
        ...row,
        inboxEventId: ids.get(rows.get(row.inboxEventId) ?? 0) ?? STRANGER,
      })),
      covered: settlement.covered.map(eventId),
    };
  }

  private async realHoldings(): Promise<Holdings> {
    const { rows, ...cursor } = await this.real.holdings();
    return {
      ...cursor,
      rows: rows.map(({ availableAt, ...row }) => ({
        ...row,
        availableAt: availableAt === undefined ? undefined : timeOf(availableAt),
      })),
    };
  }

  private simulatedHoldings(): Holdings {
    const {
      readUpto,
      suspectsBelow,
      uncleanTakeovers: unclean,
      unread,
      changedByOthers,
      rows,
    } = this.simulated;
    return {
      unread: unread.toString(),
      readUpto,
      suspectsBelow,
      unclean,
      changedByOthers,
      rows: [...rows.values()]
        .sort((a, b) => a.position - b.position)
        .map(({ id: _, availableAt, ...row }) => ({
          ...row,
          availableAt: availableAt === undefined ? undefined : timeOf(availableAt - this.now),
        })),
    };
  }
}

/** It waits behind another one of its aggregate. */
const WAITING = {
  status: 'received',
  attempt: 0,
  availableInMs: Number.POSITIVE_INFINITY,
  isSuspect: false,
  isPostponed: false,
} as const;

/** What the exceptions of a save come to. */
const EXCEPTIONS: readonly [Pending, ...Pending[]] = [
  WAITING,
  { status: 'failed', attempt: 1, availableInMs: HOUR_MS, isSuspect: false, isPostponed: false },
  WAITING,
  WAITING,
  { status: 'received', attempt: 0, availableInMs: HOUR_MS, isSuspect: false, isPostponed: false },
  { status: 'failed', attempt: 1, availableInMs: 0, isSuspect: true, isPostponed: false },
  { status: 'dead_letter', attempt: 3, availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'failed', attempt: 3, availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'skipped', attempt: 1, availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'failed', attempt: 0, availableInMs: HOUR_MS, isSuspect: false, isPostponed: true },
];
type Pending = Pick<ExceptionRow, 'status' | 'attempt' | 'availableInMs' | 'isSuspect' | 'isPostponed'>;

/** And its claimed rows. */
const ENDS: readonly [End, ...End[]] = [
  { status: 'processed', availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'failed', availableInMs: HOUR_MS, isSuspect: false, isPostponed: false },
  { status: 'failed', availableInMs: 0, isSuspect: true, isPostponed: false },
  {
    status: 'received',
    availableInMs: Number.POSITIVE_INFINITY,
    isSuspect: false,
    isPostponed: false,
    attemptGivenBack: true,
  },
  { status: 'failed', availableInMs: 0, isSuspect: false, isPostponed: false, attemptGivenBack: true },
  { status: 'dead_letter', availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'skipped', availableInMs: undefined, isSuspect: false, isPostponed: false },
  { status: 'failed', availableInMs: HOUR_MS, isSuspect: false, isPostponed: true, attemptGivenBack: true },
  { status: 'failed', availableInMs: 0, isSuspect: false, isPostponed: true, attemptGivenBack: true },
];
type End = Pick<ResolvedRow, 'status' | 'availableInMs' | 'isSuspect' | 'isPostponed' | 'attemptGivenBack'>;

function exceptionOf(position: number, event: LogEvent, pending: Pending): ExceptionRow {
  const { id: outboxEventId, aggregateType, aggregateId } = event;
  return {
    outboxEventId,
    position,
    aggregateType,
    aggregateId,
    ...pending,
    error: undefined,
    fingerprint: undefined,
    failedAttempt: undefined,
  };
}

function chosen<T>(items: readonly T[], of: number): T[] {
  return items.filter((_, n) => ((of >> (n % 12)) & 1) === 1);
}

function isTime(time: number | undefined): time is number {
  return Number.isFinite(time);
}

function timeOf(ms: number): number {
  return Number.isFinite(ms) ? Math.round(ms / SAME_TIME_MS) || 0 : ms;
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function pageOf({ positions, events, cut }: Awaited<ReturnType<RealInbox['readPage']>>) {
  return {
    positions: positions.toString(),
    cut,
    events: events.map(({ position, aggregateId, delayMs }) => ({
      position,
      aggregateId,
      delay: delayMs === undefined ? undefined : timeOf(delayMs),
    })),
  };
}

describe('the simulated inbox', () => {
  it('answers and holds what the stores do on a database, whatever is done one after another', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.noBias(step), { minLength: 10, maxLength: 40, size: 'max' }),
        async (steps) => {
          const pair = await Pair.open();
          for (const each of steps) await pair.perform(each);
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 240_000);
});
