import type { SpecMutant } from './spec-mutants.js';

const RUN = 'src/connectors/syncs/sync-run.ts';
const CURSOR = 'src/connectors/syncs/timestamp-cursor.ts';
const CURSORS = 'src/connectors/syncs/timestamp-cursor.spec.ts';
const RUNS = 'test/connectors/syncs/runs.spec.ts';
const TAKEOVER = 'test/connectors/syncs/takeover.spec.ts';

/** Wrong turns in syncs. */
export const connectorSyncMutants: readonly SpecMutant[] = [
  {
    name: 'sync: the checkpoint is saved before the records of its page',
    patches: [
      {
        file: RUN,
        find: 'const saved = await this.savePage(page, since, number);',
        put: `await this.saves(async (session, stream) => {
          await this.parts.streams.write(session, { ...stream, checkpoint: page.checkpoint });
          return { eventNames: [] };
        });
        const saved = await this.savePage(page, since, number);`,
      },
    ],
    spec: TAKEOVER,
    test: 'at its records leaves records, events and checkpoint as they were',
  },
  {
    name: 'sync: a run that was cut sweeps',
    patches: [
      {
        file: RUN,
        find: "await this.ends('failed', errorOf(error, this.sync)",
        put: `await this.saves(async (session, stream) => {
      const swept = await this.sweepSome(session, stream, '');
      return { eventNames: swept?.eventNames ?? [] };
    });
    await this.ends('failed', errorOf(error, this.sync)`,
      },
    ],
    spec: RUNS,
    test: 'goes on at its page after a failure, deletes nothing then',
  },
  {
    name: 'sync: the cursor is exclusive',
    patches: [
      {
        file: CURSOR,
        find: 'new Date(this.floor(until - lookbackMs)).toISOString()',
        put: 'new Date(this.floor(until - lookbackMs) + granularityMs).toISOString()',
      },
    ],
    spec: CURSORS,
    test: 'misses no record, whatever changes meanwhile and wherever a run is cut',
  },
  {
    name: 'sync: a page is saved whoever has the stream',
    patches: [
      {
        file: RUN,
        find: 'if (stream === undefined || stream.ownerToken !== this.token) throw new NotOurs();',
        put: 'if (stream === undefined) throw new NotOurs();',
      },
    ],
    spec: TAKEOVER,
    test: 'is refused whole if another attempt has the stream',
  },
  {
    name: 'sync: a page is saved without the fence of the lease',
    patches: [
      {
        file: RUN,
        find: 'if (valid.get(lease.name) !== lease.token) throw new NotOurs();',
        put: 'valid.get(lease.name);',
      },
    ],
    spec: TAKEOVER,
    test: 'is refused whole if the lease of the lane is another one by then',
  },
];
