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

  it('takes a bounded place, however many kinds there are', () => {
    const { said, fail } = clocked();
    const names = Array.from({ length: 101 }, (_, n) => String.fromCodePoint(0x4e00 + n));
    for (const name of names) fail(name);
    fail(names.at(-1) ?? '');
    expect(said).toEqual(names);
    fail(names[0] ?? '');
    expect(said).toHaveLength(102);
  });
});
