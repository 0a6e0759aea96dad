import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { IntegrationSettingsService } from '../../src/index.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type CallApp, startCallApp, stepsOf, untilEnded } from './call-app.js';

const answers = gate();

/** A system that hangs until the end of the file. */
@Injectable()
@ExternalCallType({ type: 'slow', unknownOutcome: 'retry', deadlineMs: 1 })
class Slow {
  async start(): Promise<CallUpdate<string>> {
    await answers.opened;
    return { phase: 'completed', result: 'late' };
  }
}

describe('the deadline of a call', () => {
  let database: TestDatabase;
  let app: CallApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startCallApp(database, [Slow]);
  });
  afterAll(async () => {
    answers.open();
    await app?.close();
    await database?.drop();
  });

  it('ends it once, also while it is being started, and what comes later is kept', async () => {
    const { callId: id } = await app.calls.create(Slow, { request: 1 });
    const deadline = { status: 'failed', error: { code: 'INTEGRATION_CALL_DEADLINE' } };
    expect(await untilEnded(app, id)).toMatchObject(deadline);
    const late = await app.calls.report({ callId: id }, { phase: 'completed', result: 'late' });
    expect(late).toEqual({ is: 'kept', callId: id });
    expect(await app.calls.get(id)).toMatchObject(deadline);
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'failed']);
  });

  it('ends calls that cannot begin, because their target is full', async () => {
    const { callId: id } = await app.calls.create(Slow, { request: 1 });
    const others = Array.from({ length: 30 }, () => app.calls.create(Slow, { request: 2 }));
    for (const { callId } of await Promise.all(others)) await untilEnded(app, callId);
    await untilEnded(app, id);
  });

  it('ends calls while nothing may begin', async () => {
    const settings = app.context.get(IntegrationSettingsService);
    await settings.set('core.integration.calls.enabled', false);
    const { callId: id } = await app.calls.create(Slow, { request: 1 });
    expect(await untilEnded(app, id)).toMatchObject({ error: { code: 'INTEGRATION_CALL_DEADLINE' } });
  });

  it('leaves a call alone that has ended', async () => {
    const { callId: id } = await app.calls.create(Slow, { request: 1, deadlineMs: 600_000 });
    await app.calls.report({ callId: id }, { phase: 'completed', result: 1 });
    await database.pool.query(
      `UPDATE integration.external_call SET deadline_at = now() - interval '1 day' WHERE id = $1`,
      [id],
    );
    const { callId: next } = await app.calls.create(Slow, { request: 1 });
    await untilEnded(app, next);
    expect(await app.calls.get(id)).toMatchObject({ status: 'completed' });
    expect(await until('one report', () => app.calls.timeline(id))).toHaveLength(1);
  });
});
