import { describe, expect, it } from '@jest/globals';
import { assignFreeCursors, cursorToHandOver } from '../lease-spread.js';
import { FailureDetector } from './failure-detector.js';
import type { CursorSnapshot, ProcessSnapshot } from './integration-process.store.js';

const LOOK_MS = 2_000;

const peer = (id: string, backendGone: boolean | null): ProcessSnapshot => ({
  id,
  backendGone,
  signedInToThisRun: false,
  held: 0,
  alive: true,
  consumers: ['c'],
});

const cursor = (partition: number, leaseOwner: string | null): CursorSnapshot => ({
  consumerName: 'c',
  partition,
  partitions: 2,
  eventNames: [],
  leaseOwner,
  leaseToken: leaseOwner,
  expired: false,
  leaseLeftMs: null,
  paused: false,
  replayed: false,
  replaying: false,

  repartitioning: false,
  superseded: false,
  changedByOthers: 0,
  dueInMs: null,
});

/** What an observer knows after these looks, two seconds apart. */
function watched(...looks: ProcessSnapshot[][]): FailureDetector {
  const watch = new FailureDetector();
  for (const [n, processes] of looks.entries()) watch.observe(processes, 'self', n * LOOK_MS);
  return watch;
}

describe('a process whose backend is gone', () => {
  it('is dead after two looks by somebody who has seen it alive, and not after one', () => {
    const [alive, gone] = [[peer('a', false)], [peer('a', true)]];
    expect([...watched(alive, gone).dead]).toEqual([]);
    expect([...watched(alive, gone, gone).dead]).toEqual(['a']);
    expect([...watched(alive, gone, alive, gone).dead]).toEqual([]);
  });

  it('is not declared dead by somebody who came later, or may not look', () => {
    const gone = [peer('a', true)];
    expect([...watched(gone, gone, gone).dead]).toEqual([]);
    const unknown = [peer('a', null)];
    expect([...watched(unknown, unknown, unknown).gone]).toEqual([]);
  });

  it('is dead for somebody who came later as well, where the server is in the run in which it signed in', () => {
    const gone = [{ ...peer('a', true), signedInToThisRun: true }];
    expect([...watched(gone).dead]).toEqual([]);
    expect([...watched(gone, gone).dead]).toEqual(['a']);
    expect(watched(gone, gone).unjudged).toEqual([]);
    const back = [{ ...peer('a', false), signedInToThisRun: true }];
    expect([...watched(gone, back, gone).dead]).toEqual([]);
  });

  it('is named as one that nobody can judge where the server was restarted since, or where it did not name the run', () => {
    const gone = [peer('a', true)];
    expect(watched(gone).unjudged).toEqual([]);
    expect(watched(gone, gone).unjudged).toEqual(['a']);
  });

  it('is left out by somebody who came later where what is free is spread, or handed over', () => {
    const processes = [peer('a', true), peer('self', false)];
    const watch = watched(processes, processes);
    expect([...watch.gone]).toEqual(['a']);
    const cursors = [cursor(0, null), cursor(1, 'self')];
    const mine = assignFreeCursors(cursors.slice(0, 1), { cursors, processes }, 'self', watch.gone);
    expect(mine).toEqual([{ consumerName: 'c', partition: 0 }]);
    const both = { cursors: [cursor(0, 'self'), cursor(1, 'self')], processes };
    expect(cursorToHandOver(both, 'self', watch.gone)).toBeUndefined();
  });
});

describe('a consumer that two processes share, each of which has another of its own', () => {
  const own = (consumerName: string, leaseOwner: string): CursorSnapshot => ({
    ...cursor(0, leaseOwner),
    consumerName,
    partitions: 1,
  });
  const shared = (leaseOwner: string | null): CursorSnapshot => ({ ...cursor(0, leaseOwner), partitions: 1 });

  /** The snapshot that `self` sees. It has only the cursors of its own consumers. */
  const snapshotOf = (self: string, owner: string | null) => ({
    cursors: [own(`only ${self}`, self), shared(owner)],
    processes: ['a', 'b'].map((id) => ({
      ...peer(id, false),
      consumers: ['c', `only ${id}`],
      held: id === owner ? 2 : 1,
    })),
  });

  it('stays with the one that has it', () => {
    for (const id of ['a', 'b']) expect(cursorToHandOver(snapshotOf(id, id), id, new Set())).toBeUndefined();
  });

  it('is claimed by exactly one of them where nobody has it', () => {
    const claims = ['a', 'b'].map((id) =>
      assignFreeCursors([shared(null)], snapshotOf(id, null), id, new Set()).map((key) => key.consumerName),
    );
    expect(claims).toEqual([['c'], []]);
  });

  it('goes to the other one where that holds two fewer', () => {
    const { cursors, processes } = snapshotOf('a', 'a');
    const idle = processes.map((process) => (process.id === 'b' ? { ...process, held: 0 } : process));
    expect(cursorToHandOver({ cursors, processes: idle }, 'a', new Set())).toEqual(
      expect.objectContaining({ consumerName: 'c', partition: 0 }),
    );
  });
});
