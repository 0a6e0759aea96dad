import type { SpecMutant } from './spec-mutants.js';

/*
 * Rules of the log's reader, each of which stands at the head of src/inbox/cursor-reader.ts and has a play on a real database.
 * Without the rule, its play loses an event, or brings it late.
 */
const PLAYS = 'test/inbox/cursor-plays.spec.ts';
const READER = 'src/inbox/cursor-reader.ts';
const LOG = 'src/log/outbox-log.store.ts';

const READ_PAGE = 'const page = await this.log.readPage(this.toRead, rows, bytes);\n';
const TAKE = 'this.toRead.removeAll(page.positions);\n';
const NOTE_READY = 'const ready = this.sweep?.ready === true ? this.sweep : undefined;\n';
const NOTE_UPTO = 'const upto = this.sweep?.upto ?? this.readPosition;\n';
const READ_WRITERS = 'const writers = await this.log.readWriters();\n';
const IS_READY = 'areGone && prepared?.size === 0';
const LIMIT = 'cut && last !== undefined ? Math.min(ready.upto, last) : ready.upto';

export const playMutants: readonly SpecMutant[] = [
  {
    name: 'without: the holes are asked for again with every page',
    patches: [
      {
        file: READER,
        find: READ_PAGE,
        put: READ_PAGE.replace('this.toRead', 'PositionSet.range(this.readPosition)'),
      },
    ],
    spec: PLAYS,
    test: 'because the holes are asked for again with every page',
  },
  {
    name: 'without: the holders are waited for',
    patches: [{ file: READER, find: IS_READY, put: 'true' }],
    spec: PLAYS,
    test: 'because the holders are waited for',
  },
  {
    name: 'without: upto is noted before the holders are read',
    patches: [
      { file: READER, find: `    ${NOTE_UPTO}`, put: '' },
      { file: READER, find: READ_WRITERS, put: `${READ_WRITERS}${NOTE_UPTO}` },
    ],
    spec: PLAYS,
    test: 'because upto is noted before the holders are read',
  },
  {
    name: 'without: upto stays what it was when the holders were read',
    patches: [{ file: READER, find: NOTE_UPTO, put: 'const upto = this.readPosition;\n' }],
    spec: PLAYS,
    test: 'because upto stays what it was when the holders were read',
  },
  {
    name: 'without: no more is settled than upto allows, however far has been read meanwhile',
    patches: [{ file: READER, find: LIMIT, put: 'this.readPosition' }],
    spec: PLAYS,
    test: 'because no more is settled than upto allows, however far has been read meanwhile',
  },
  {
    name: 'without: a cursor waits for holders that were read after its own upto was noted, not after another’s',
    patches: [
      {
        file: READER,
        find: 'interface Sweep {',
        put: 'let shared: Promise<LogWriter[]> | undefined;\ninterface Sweep {',
      },
      {
        file: READER,
        find: READ_WRITERS,
        put: 'shared ??= this.log.readWriters();\nconst writers = await shared;\n',
      },
    ],
    spec: PLAYS,
    test: 'because a cursor waits for holders that were read after its own upto was noted, not after another’s',
  },
  {
    name: 'without: a page that was under way when the last holder ended is not the re-read',
    patches: [{ file: READER, find: `${NOTE_READY}    ${READ_PAGE}`, put: `${READ_PAGE}${NOTE_READY}` }],
    spec: PLAYS,
    test: 'because a page that was under way when the last holder ended is not the re-read',
  },
  {
    name: 'without: the holes are read once more after the last holder has ended',
    patches: [
      {
        file: READER,
        find: `${TAKE}    return { ...page, swept:`,
        put: `if (ready === undefined) ${TAKE}const nothing = { positions: PositionSet.empty(), events: [] };
          return { ...page, ...(ready === undefined ? {} : nothing), swept:`,
      },
    ],
    spec: PLAYS,
    test: 'because the holes are read once more after the last holder has ended',
  },
  {
    name: 'without: of a re-read that is cut short, only what lies below its last row is settled',
    patches: [{ file: READER, find: LIMIT, put: 'ready.upto' }],
    spec: PLAYS,
    test: 'because of a re-read that is cut short, only what lies below its last row is settled',
  },
  {
    name: 'without: a re-read that is cut short in rows says so',
    patches: [{ file: LOG, find: ' || found >= rows', put: '' }],
    spec: PLAYS,
    test: 'because a re-read that is cut short in rows says so',
  },
  {
    name: 'without: a re-read that is cut short in bytes says so',
    patches: [{ file: LOG, find: 'positions.count < found || ', put: '' }],
    spec: PLAYS,
    test: 'because a re-read that is cut short in bytes says so',
  },
  {
    name: 'without: a prepared transaction, which no backend runs, holds the sweep',
    patches: [
      {
        file: LOG,
        find: "WHERE locktype = 'relation'",
        put: "WHERE pid IS NOT NULL AND locktype = 'relation'",
      },
    ],
    spec: PLAYS,
    test: 'because a prepared transaction, which no backend runs, holds the sweep',
  },
  {
    name: 'without: who is prepared when the last holder has gone is waited for, as a session may go on as a prepared transaction of another id',
    patches: [{ file: READER, find: IS_READY, put: 'areGone' }],
    spec: PLAYS,
    test: 'because who is prepared when the last holder has gone is waited for, as a session may go on as a prepared transaction of another id',
  },
  {
    name: 'without: who is prepared is noted no sooner than the last holder is seen to have gone',
    patches: [
      {
        file: READER,
        find: 'const prepared = areGone ? stillThere(this.sweep?.prepared, writers.filter(isPrepared)) : undefined;',
        put: 'const prepared = stillThere(this.sweep?.prepared, writers.filter(isPrepared));',
      },
    ],
    spec: PLAYS,
    test: 'because who is prepared is noted no sooner than the last holder is seen to have gone',
  },
  {
    name: 'without: holes and tail come from one statement',
    patches: [
      {
        file: READER,
        find: READ_PAGE,
        put: `const ask = (set: PositionSet) => this.log.readPage(set, rows, bytes);
          const holes = await ask(this.toRead.below(this.readPosition));
          const tail = await ask(PositionSet.range(this.readPosition));
          const positions = holes.positions.clone();
          positions.addAll(tail.positions);
          const page = { positions, events: [...holes.events, ...tail.events], cut: holes.cut || tail.cut };`,
      },
    ],
    spec: PLAYS,
    test: 'because holes and tail come from one statement',
  },
  {
    name: 'without: the parts of a page of very many holes are read in one snapshot',
    patches: [
      {
        file: LOG,
        find: 'await this.db.readInSnapshot(async (source) => {',
        put: 'await (async (source) => {',
      },
      { file: LOG, find: '      }\n    });\n  }', put: '      }\n    })(this.db);\n  }' },
    ],
    spec: PLAYS,
    test: 'because the parts of a page of very many holes are read in one snapshot',
  },
  {
    name: 'without: all parts of a page of very many holes are read before what is absent is settled',
    patches: [{ file: LOG, find: 'if (isCut(page, rows)) return;', put: 'return;' }],
    spec: PLAYS,
    test: 'because all parts of a page of very many holes are read before what is absent is settled',
  },
  {
    name: 'without: of a page of very many holes that ended before its last part, only what lies below its last row is settled',
    patches: [
      { file: LOG, find: 'cut: isCut(page, rows) };', put: 'cut: isCut(page, Number.POSITIVE_INFINITY) };' },
    ],
    spec: PLAYS,
    test: 'because of a page of very many holes that ended before its last part, only what lies below its last row is settled',
  },
];
