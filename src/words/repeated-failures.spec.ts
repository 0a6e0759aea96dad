import { describe, expect, it } from '@jest/globals';
import { RepeatedFailures } from './repeated-failures.js';

function clocked() {
  const clock = { ms: 0 };
  const said: string[] = [];
  const failures = new RepeatedFailures(() => clock.ms);
  const fail = (line: string, kind?: string) =>
    failures.warn({ warn: (each: string) => said.push(each) }, line, kind);
  return { clock, said, fail };
}

describe('a failure that repeats', () => {
  it('is said once, and then once a minute with the number of those in between', () => {
    const { clock, said, fail } = clocked();
    for (; clock.ms < 150_000; clock.ms += 1_000) fail(`no answer in ${clock.ms} ms`);
    expect(said).toEqual([
      'no answer in 0 ms',
      'no answer in 60000 ms (and 59 more times since this was said last)',
      'no answer in 120000 ms (and 59 more times since this was said last)',
    ]);
  });

  it('hides no failure of another kind', () => {
    const { said, fail } = clocked();
    fail('reading failed');
    fail('saving failed');
    fail('reading of "b" failed', 'reading failed');
    expect(said).toEqual(['reading failed', 'saving failed']);
  });

  it('takes a bounded place and says a bounded number of lines, however many kinds there are', () => {
    const { clock, said, fail } = clocked();
    const names = Array.from({ length: 150 }, (_, n) => String.fromCodePoint(0x4e00 + n));
    // As where a process has more consumers than that, and all of them fail again and again.
    for (; clock.ms < 59_000; clock.ms += 1_000) for (const name of names) fail(name);
    expect(said).toEqual(names.slice(0, 101));
    clock.ms = 60_000;
    fail(names[0] ?? '');
    fail(names.at(-1) ?? '');
    expect(said.slice(101)).toEqual([
      `${names[0]} (and 58 more times since this was said last)`,
      names.at(-1),
    ]);
  });

  it('of a kind that has no room is said with the number of all of these', () => {
    const { clock, said, fail } = clocked();
    for (let n = 0; n < 100; n++) fail(String.fromCodePoint(0x4e00 + n));
    clock.ms = 30_000;
    for (const name of ['x', 'y', 'z']) fail(name);
    clock.ms = 59_000;
    for (let n = 0; n < 100; n++) fail(String.fromCodePoint(0x4e00 + n));
    clock.ms = 60_000;
    for (let n = 0; n < 100; n++) fail(String.fromCodePoint(0x4e00 + n));
    clock.ms = 90_000;
    fail('z');
    expect([said[100], said.at(-1)]).toEqual([
      'x',
      'z (and 2 more failures of many other kinds since this was said last)',
    ]);
  });
});
