import type { SpecMutant } from './spec-mutants.js';

const SCAN = 'src/log/sharing/shared-scan.ts';
const PAGES = 'src/delivery/worker/page-loop.ts';
const STEPS = 'src/changes/repartition-steps.ts';
const CURSORS = 'src/changes/repartition-cursors.store.ts';
const ENGINE = 'src/database/engine-database.ts';
const SHARED_PAGES = 'test/log/shared-pages.spec.ts';
const READING_AHEAD = 'test/delivery/reading-ahead.spec.ts';
const PARTITIONS = 'test/changes/partitions.spec.ts';
const PROCESSOR = 'test/delivery/processor.spec.ts';

/** Wrong turns in reading the log, in changing the number of partitions, and in what steers both. */
export const readingMutants: readonly SpecMutant[] = [
  {
    name: 'shared pages: each cursor reads its own pages',
    patches: [
      {
        file: SCAN,
        find: 'const found = this.takeKept(reader) ?? (await this.joinReading(reader));',
        put: 'const found = undefined;',
      },
    ],
    spec: SHARED_PAGES,
    test: 'left at different places of a backlog read it once',
  },
  {
    name: 'reading ahead: the next page is asked for when it is needed',
    patches: [{ file: PAGES, find: 'if (this.mayReadAhead(page) && ', put: 'if (false && ' }],
    spec: READING_AHEAD,
    test: 'the server has been asked for the next page before the handlers of this one begin',
  },
  {
    name: 'reading ahead: a page that failed is waited for again',
    patches: [
      { file: PAGES, find: '    this.ahead = undefined;\n    return next;', put: '    return next;' },
    ],
    spec: READING_AHEAD,
    test: 'a page that the server refuses is read again',
  },
  {
    name: 'holes: a sweep does not wait for those who write',
    patches: [
      {
        file: 'src/inbox/cursor-reader.ts',
        find: 'const areGone = holders.size === 0;',
        put: 'const areGone = true;',
      },
    ],
    spec: 'test/log/late-commits.spec.ts',
    test: 'delivers every committed event to the',
  },
  {
    name: 'partitions: the consumer is free while its rows still move',
    patches: [
      {
        file: STEPS,
        find: 'this.moving.set(consumerName, { askedAt, round: next });',
        put: 'await this.cursors.free(session, consumerName);',
      },
    ],
    spec: PARTITIONS,
    test: 'moves them in portions, and nobody takes the consumer before the last is moved',
  },
  {
    name: 'partitions: what one partition has settled is settled for all',
    patches: [{ file: CURSORS, find: "coalesce(pending.positions, '{}')", put: "'{}'::int8multirange" }],
    spec: PARTITIONS,
    test: 'finds for every event, whatever the old partitions have settled',
  },
  {
    name: 'settings: the size of pages is that of the boot',
    patches: [
      {
        file: 'src/delivery/worker/page-size.ts',
        find: '    const { batchSize, startupDrainBatchSize } = this.settings.snapshot();',
        put: '    const { batchSize, startupDrainBatchSize } = { batchSize: 500, startupDrainBatchSize: 2_000 };',
      },
    ],
    spec: PROCESSOR,
    test: 'batchSize is used by its next page',
  },
  {
    name: 'the session that heard: it is read through at any time',
    patches: [{ file: ENGINE, find: '      this.awake = undefined;', put: '' }],
    spec: 'test/database/engine-database.spec.ts',
    test: 'reads nothing later',
  },
];
