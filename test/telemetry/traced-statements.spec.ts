import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

interface TracedSpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly sql?: string;
}

/** The spans of an application whose statements are traced, too. */
async function spansOfRun(spans: 'on' | 'off'): Promise<TracedSpan[]> {
  const folder = 'test/support/processes';
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--require', `./${folder}/traced.cjs`, `${folder}/traced.mjs`],
    { env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url, SPANS: spans } },
  );
  return JSON.parse(stdout);
}

/** Statements of the engine's loops: reading, saving, the heartbeat. */
const ofTheLoops = ({ sql = '' }: TracedSpan) =>
  /inbox_cursor|integration_process|pg_notify|LISTEN/.test(sql);

describe('an application whose statements are traced', () => {
  it('sees what it published and what its handlers do, and nothing of the loops', async () => {
    const spans = await spansOfRun('on');
    const named = (name: string) => spans.find((span) => span.name === name);
    const ofPublishing = spans.filter(
      ({ parent }) => parent !== undefined && parent === named('publish traced')?.id,
    );
    const ofHandler = spans.find(({ sql }) => sql?.includes('of_the_handler'));
    expect(named('publish traced')?.parent).toBe(named('request')?.id);
    expect(ofPublishing.map(({ sql }) => sql).join()).toContain('append_event');
    expect(ofHandler?.parent).toBe(named('process traced')?.id);
    const ofAttempt = (span: TracedSpan) => span.parent === named('process traced')?.id;
    expect(spans.filter((span) => ofTheLoops(span) && !ofAttempt(span))).toEqual([]);
  });

  it('sees the statements of the loops where spans are off', async () => {
    const spans = await spansOfRun('off');
    expect(spans.filter(ofTheLoops)).not.toEqual([]);
    expect(spans.map(({ name }) => name)).not.toContain('process traced');
  });
});
