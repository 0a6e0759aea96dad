import { describe, expect, it } from '@jest/globals';
import { AttemptLines, type HandlerLinesOption } from './attempt-lines.js';

const HANDLED = { consumerName: 'billing', eventName: 'order.placed' };
const lines = (redact: HandlerLinesOption['redact'] = (text) => text) =>
  new AttemptLines({ redact }, HANDLED);
const textsOf = (kept: AttemptLines) => kept.toStored().lines.map(({ text }) => text);

describe('the lines of an attempt', () => {
  it('are the last 50, the oldest first, and it is known how many went before', () => {
    const kept = lines();
    for (let line = 1; line <= 73; line++) kept.add('log', `line ${line}`);
    const stored = kept.toStored();
    expect(stored.lines.map(({ text }) => text)).toEqual(
      Array.from({ length: 50 }, (_, index) => `line ${index + 24}`),
    );
    expect(stored.linesLeftOut).toBe(23);
  });

  it('have at most 1 KB each and 8 KB together, the last ones first, and no character cut in two', () => {
    const kept = lines();
    for (let line = 0; line < 40; line++) kept.add('debug', `${line} ${'é'.repeat(3_000)}`);
    const { lines: stored, linesLeftOut } = kept.toStored();
    for (const { text } of stored) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_024);
      expect(text).toMatch(/^\d+ é+…$/);
    }
    expect(stored).toHaveLength(8);
    expect(stored.at(-1)?.text).toMatch(/^39 /);
    expect(linesLeftOut).toBe(32);
  });

  it('can be stored, whatever characters they have', () => {
    const kept = lines();
    kept.add('log', 'a\0b\ud800c');
    expect(textsOf(kept)).toEqual(['a\uFFFDb\uFFFDc']);
  });

  it('are redacted whole, before they are cut', () => {
    const kept = lines((text) => text.replaceAll(/4111( \d{4}){3}/g, '[card]'));
    kept.add('log', `${'x'.repeat(1_015)} 4111 1111 1111 1111`);
    expect(textsOf(kept)).toEqual([`${'x'.repeat(1_015)} [card]`.slice(0, 1_024)]);
    expect(textsOf(kept).join()).not.toContain('4111');
  });

  it('are left out where redact says so', () => {
    const kept = lines((text, { level }) => (level === 'debug' ? undefined : text));
    kept.add('debug', 'the token');
    kept.add('log', 'the rest');
    expect(kept.toStored()).toMatchObject({ lines: [{ level: 'log', text: 'the rest' }], linesLeftOut: 1 });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['returns no text', () => 7],
    ['is async', () => Promise.resolve('late')],
    ['is async and fails', () => Promise.reject(new Error('late'))],
  ])('are not kept as they were when redact %s', (_, redact) => {
    const kept = lines(redact as HandlerLinesOption['redact']);
    kept.add('log', 'the token');
    expect(textsOf(kept)).toEqual([
      '[This line was left out, because the option handlerLines.redact failed]',
    ]);
  });

  it('name the event and the consumer to redact', () => {
    const told: unknown[] = [];
    const kept = lines((text, line) => {
      told.push(line);
      return text;
    });
    kept.add('warn', 'hot');
    kept.toStored();
    expect(told).toEqual([{ level: 'warn', consumerName: 'billing', eventName: 'order.placed' }]);
  });
});
