import type { SpecMutant } from './spec-mutants.js';

const TARGETS = 'src/lanes/outgoing-target.store.ts';
const SAVER = 'src/lanes/lane-saver.ts';
const LOOP = 'src/lanes/lane-loop.ts';
const ROUND = 'src/lanes/lane-round.store.ts';
const STATE = 'src/lanes/target-state.ts';
const MEMORY = 'src/lanes/target-memory.ts';
const WAKE_UPS = 'test/lanes/wake-ups.spec.ts';
const LANES = 'test/lanes/lanes.spec.ts';

/** Wrong turns in the loop of lanes, each of which loses, doubles or holds up work. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
export const laneMutants: readonly SpecMutant[] = [
  {
    name: 'lanes: who adds an item locks only targets that are not ready',
    patches: [{ file: TARGETS, find: 'await this.lock(session, kind, ids);', put: '' }],
    spec: WAKE_UPS,
    test: 'is found where the save had the target first',
  },
  {
    name: 'lanes: who adds an item locks in a subquery, which locks what is asked of it',
    patches: [
      { file: TARGETS, find: 'await this.lock(session, kind, ids);', put: '' },
      {
        file: TARGETS,
        find: '`UPDATE ${this.table} SET ready_at = ${time}\n       WHERE kind = $1 AND id = ANY ($2::uuid[]) AND NOT held AND',
        put: '`WITH locked AS (SELECT id AS own FROM ${this.table} WHERE kind = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE)\n       UPDATE ${this.table} SET ready_at = ${time} FROM locked\n       WHERE kind = $1 AND id = own AND NOT held AND',
      },
    ],
    spec: WAKE_UPS,
    test: 'is found where the save had the target first',
  },
  {
    name: 'lanes: what is due next is computed before the target is locked',
    patches: [
      {
        file: ROUND,
        find: "ORDER BY id FOR NO KEY UPDATE ${wait ? '' : 'SKIP LOCKED'}",
        put: "${wait ? '' : ''}",
      },
    ],
    spec: WAKE_UPS,
    test: 'is found where its transaction had the target first',
  },
  {
    name: 'lanes: a save waits for a target that somebody holds',
    patches: [{ file: ROUND, find: "${wait ? '' : 'SKIP LOCKED'}", put: "${wait ? '' : ''}" }],
    spec: WAKE_UPS,
    test: 'holds up no other target while its transaction goes on',
  },
  {
    name: 'lanes: what ended under a lease that is lost is saved',
    patches: [
      {
        file: SAVER,
        find: 'valid.get(lease.name) === lease.token',
        put: 'valid.size >= 0 && lease.token > 0',
      },
    ],
    spec: LANES,
    test: 'saves nothing of it, and everything of its other lanes',
  },
  {
    name: 'lanes: targets at their limit fill the look',
    patches: [
      { file: MEMORY, find: 'return [...new Set([...this.drained, ...limited])];', put: 'return limited;' },
    ],
    spec: LANES,
    test: 'is not held up by very many targets that are at their limit',
  },
  {
    name: 'lanes: no place is kept for targets that have nothing in flight',
    patches: [
      { file: MEMORY, find: 'return Math.floor(maxInFlight / 4);', put: 'return maxInFlight === 0 ? 1 : 0;' },
    ],
    spec: LANES,
    test: 'is not held up by a target that hangs',
  },
  {
    name: 'lanes: a target that fails is not probed',
    patches: [
      {
        file: MEMORY,
        find: 'failures >= limits.probeAfterFailures ? 1 : own',
        put: 'failures < 0 ? 1 : own',
      },
    ],
    spec: LANES,
    test: 'is probed by one item at a time, and the others burn no attempt',
  },
  {
    name: 'lanes: a new owner does not know that a target fails',
    patches: [
      {
        file: STATE,
        find: 'let { failures, failingSince } = before;',
        put: 'let { failingSince } = before;\n  let failures = 0;',
      },
    ],
    spec: LANES,
    test: 'is probed on by the next owner',
  },
  {
    name: 'lanes: new items end the pause of a target',
    patches: [
      {
        file: TARGETS,
        find: "'greatest(coalesce($3::timestamptz, clock_timestamp()), not_before)'",
        put: "'coalesce($3::timestamptz, clock_timestamp())'",
      },
    ],
    spec: LANES,
    test: 'is probed with pauses, which new items do not shorten',
  },
  {
    name: 'lanes: what was cut off counts as an attempt',
    patches: [
      { file: LOOP, find: 'if (signal.aborted) return;', put: '' },
      {
        file: LOOP,
        find: "if (!running.hasEnded || which === 'all') this.inFlight.remove(running);",
        put: "if (which === 'all') this.inFlight.remove(running);",
      },
    ],
    spec: LANES,
    test: 'what it cut off runs again and no attempt is counted',
  },
  {
    name: 'lanes: what is saved leaves beside a look that has read it',
    patches: [{ file: LOOP, find: 'if (this.isLooking) this.leaving.push(running);\n    else ', put: '' }],
    spec: LANES,
    test: 'does not run again what a look read as due while its save was under way',
  },
  {
    name: 'lanes: the owner gives a lane back at once',
    patches: [{ file: LOOP, find: '    await idle;\n', put: '' }],
    spec: LANES,
    test: 'save what is in flight when one is asked to end',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
