import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { filter, firstValueFrom, ReplaySubject, take, toArray } from 'rxjs';
import type { EngineDatabase } from '../database/engine-database.js';
import { FailureLog } from './failure-log.js';
import { errorFingerprint } from './partition/error-fingerprint.js';
import { type AttemptOutcome, OutcomeStream } from './partition/outcome-stream.js';

const NEVER_MS = 3_600_000;

interface Line {
  readonly level: 'warn' | 'error';
  readonly text: string;
}

let log: FailureLog | undefined;

afterEach(() => {
  log?.close();
  Logger.overrideLogger(false);
});

function start(countMs: number) {
  const all: Line[] = [];
  const lines = new ReplaySubject<Line>();
  const hear = (level: Line['level']) => (text: unknown) => {
    all.push({ level, text: String(text) });
    lines.next({ level, text: String(text) });
  };
  Logger.overrideLogger({ log: () => {}, warn: hear('warn'), error: hear('error') });
  const stream = new OutcomeStream();
  log = new FailureLog(stream, { schema: 'integration' } as EngineDatabase, countMs);
  const fail = (error: Error, status: 'retrying' | 'dead_letter' = 'retrying', consumerName = 'c') =>
    stream.tell({
      outboxEventId: 'id',
      consumerName,
      status,
      attempt: 1,
      eventName: 'a.b',
      aggregateType: 'thing',
      aggregateId: '1',
      position: 7,
      maxAttempts: 3,
      durationMs: undefined,
      error,
      errorFingerprint: errorFingerprint(error),
      nextTryAt: new Date(),
    } as AttemptOutcome);
  return { fail, all, lines, log, stream };
}

describe('failures', () => {
  it('of one kind are said once, then as a count each time, and in full again after a quiet time', async () => {
    const { fail, lines } = start(30);
    fail(new Error('no room for 1'));
    for (let i = 2; i <= 1_000; i++) fail(new Error(`no room for ${i}`));
    const [first, count] = await firstValueFrom(lines.pipe(take(2), toArray()));
    expect(first?.text).toMatch(/^Failed on a\.b .*\nError: no room for 1\n/);
    expect(count?.text).toMatch(/^Failed 999 more times in the same way \(Error: no room for 1000\), /);
    const again = firstValueFrom(
      lines.pipe(
        filter(({ text }) => text.includes('no room for 0')),
        take(1),
      ),
    );
    // A count may name this error too. Only a kind that was quiet is logged in full again.
    const timer = setInterval(() => fail(new Error('no room for 0')), 100);
    expect((await again.finally(() => clearInterval(timer))).text).toMatch(/^Failed on a\.b /);
  });

  it('are told apart by consumer, by error, and by whether another attempt follows', () => {
    const { fail, all } = start(NEVER_MS);
    for (let i = 0; i < 2; i++) {
      fail(new Error('x'));
      fail(new Error('x'), 'dead_letter');
      fail(new Error('x'), 'retrying', 'd');
      fail(new TypeError('x'));
    }
    expect(all.map(({ level }) => level)).toEqual(['warn', 'error', 'warn', 'warn']);
  });

  it('of very many kinds are so many messages at most, and one count of all the others', () => {
    const { fail, all, log } = start(NEVER_MS);
    const word = (i: number) => [...String(i)].map((digit) => 'abcdefghij'[Number(digit)]).join('');
    for (let i = 0; i < 5_000; i++) fail(new Error(word(i)), 'dead_letter');
    expect(all).toHaveLength(100);
    log.close();
    expect(all.slice(100).map(({ level, text }) => `${level} ${text}`)).toEqual([
      expect.stringMatching(
        /^error Gave up 4900 more events in many other ways, .* npx nestjs-integration dead-letters redrive --consumer c$/,
      ),
    ]);
  });
});
