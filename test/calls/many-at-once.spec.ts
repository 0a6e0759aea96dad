import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { type CallOf, type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type CallApp, startCallApp, untilEnded } from './call-app.js';

/** As many as a process makes of one type, in eight lanes. From eleven on, Node warns of listeners of one signal. */
const CALLS = 100;

const mayAnswer = gate();
const begun = new Set<string>();

@Injectable()
@ExternalCallType({ type: 'slow', unknownOutcome: 'retry' })
class SlowCalls {
  async start({ id }: CallOf): Promise<CallUpdate> {
    begun.add(id);
    await mayAnswer.opened;
    return { phase: 'completed', result: null };
  }
}

describe('very many calls at once', () => {
  let database: TestDatabase;
  let app: CallApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startCallApp(database, [SlowCalls]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  it('share the signal of their lane without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const ids: string[] = [];
      for (let n = 0; n < CALLS; n++)
        ids.push((await app.calls.create(SlowCalls, { request: {}, group: `group ${n}` })).callId);
      await until('all are under way', async () => ids.every((id) => begun.has(id)));
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
      mayAnswer.open();
      for (const id of ids) expect(await untilEnded(app, id)).toMatchObject({ status: 'completed' });
    } finally {
      mayAnswer.open();
      process.off('warning', onWarning);
    }
  });
});
