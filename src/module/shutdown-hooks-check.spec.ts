import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ShutdownHooksCheck } from './shutdown-hooks-check.js';

afterEach(() => {
  jest.useRealTimers();
});

/** What is logged within a minute of a boot, when there are this many listeners from the first second on. */
function said(
  listeners: number,
  environment: Record<string, string> = {},
  work?: (check: ShutdownHooksCheck) => void,
) {
  jest.useFakeTimers();
  const warn = jest.fn<(words: string) => void>();
  let listening = 0;
  const check = new ShutdownHooksCheck({ warn }, environment, () => listening);
  check.start();
  jest.advanceTimersByTime(1_000);
  listening = listeners;
  work?.(check);
  jest.advanceTimersByTime(60_000);
  return warn.mock.calls.map(([words]) => words);
}

describe('an application that nobody has told to listen for SIGTERM', () => {
  it('says so once, with what to call', () => {
    expect(said(0)).toEqual([expect.stringContaining('app.enableShutdownHooks()')]);
  });

  it('says nothing where somebody listens, also where that came after the boot', () => {
    expect(said(1)).toEqual([]);
  });

  it('says nothing under a test runner', () => {
    for (const environment of [{ NODE_ENV: 'test' }, { JEST_WORKER_ID: '1' }, { VITEST: 'true' }])
      expect(said(0, environment)).toEqual([]);
  });

  it('says nothing where it has ended before', () => {
    expect(said(0, {}, (check) => check.stop())).toEqual([]);
  });
});
