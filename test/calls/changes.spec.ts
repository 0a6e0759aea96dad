import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { type CallOf, type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { NonRetryableError, RetryAfterError, UnavailableError } from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type CallApp, startCallApp, stepsOf, untilEnded, untilStatus } from './call-app.js';

type Answer = CallUpdate | Error | Gate;

/** A system that answers, one time after another, what its script says. The last answer stays. */
@Injectable()
@ExternalCallType({
  type: 'scripted',
  unknownOutcome: 'retry',
  maxAttempts: 3,
  poll: { firstMs: 3_600_000, maxMs: 3_600_000 },
})
class Scripted {
  readonly scripts = new Map<string, Answer[]>();
  readonly said: string[] = [];

  async start({ id, request }: CallOf<string>): Promise<CallUpdate> {
    return this.answer(`start ${request}`, id);
  }

  async poll({ id, request }: CallOf<string>): Promise<CallUpdate> {
    return this.answer(`poll ${request}`, id);
  }

  async cancel({ request }: CallOf<string>): Promise<CallUpdate | undefined> {
    this.said.push(`cancel ${request}`);
    const [answer] = this.scripts.get(`cancel ${request}`) ?? [];
    return answer === undefined ? undefined : this.answer(`cancel ${request}`, request);
  }

  private async answer(what: string, id: string): Promise<CallUpdate> {
    this.said.push(what);
    const script = this.scripts.get(what) ?? [];
    const answer = script.length > 1 ? script.shift() : script[0];
    if (answer instanceof Error) throw answer;
    if (answer !== undefined && 'opened' in answer) await answer.opened;
    return answer === undefined || 'opened' in answer
      ? { phase: 'processing', externalId: `x-${id}` }
      : answer;
  }
}

const done: CallUpdate = { phase: 'completed', result: 1 };

describe('a call', () => {
  let database: TestDatabase;
  let app: CallApp;
  let system: Scripted;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startCallApp(database, [Scripted]);
    system = app.context.get(Scripted);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const create = async (name: string, script: Record<string, Answer[]> = {}) => {
    for (const [method, answers] of Object.entries(script)) system.scripts.set(`${method} ${name}`, answers);
    return (await app.calls.create(Scripted, { request: name, group: name })).callId;
  };
  const times = (what: string) => system.said.filter((each) => each === what).length;
  const audited = async (id: string) => {
    const { rows } = await database.pool.query(
      'SELECT action, actor, reason FROM integration.integration_audit WHERE target = $1 ORDER BY id',
      [`call/${id}`],
    );
    return rows;
  };

  it('is tried again after an error, as often as its type says, and then nobody knows', async () => {
    const id = await create('broken', { start: [new Error('reset by peer')] });
    for (const attempts of [1, 2]) {
      await until(`attempt ${attempts}`, async () => {
        const call = await app.calls.get(id);
        return (
          call?.attempts === attempts &&
          call.isOutcomeUnknown &&
          call.dueAt !== null &&
          call.lastError !== null
        );
      });
      expect(await app.calls.retry(id, { by: 'ann', reason: 'now' })).toBe(id);
    }
    expect(await untilEnded(app, id)).toMatchObject({
      status: 'failed',
      attempts: 3,
      error: { code: 'INTEGRATION_CALL_OUTCOME_UNKNOWN', message: expect.stringMatching(/reset by peer/) },
    });
    expect(times('start broken')).toBe(3);
    expect(await audited(id)).toEqual([
      { action: 'calls.retry', actor: 'ann', reason: 'now' },
      { action: 'calls.retry', actor: 'ann', reason: 'now' },
    ]);
  });

  it('does not count attempts while the other system is away, and ends at once by a NonRetryableError', async () => {
    const away = await create('away', {
      start: [
        new UnavailableError('away', { retryAfterMs: 1 }),
        new UnavailableError('away', { retryAfterMs: 1 }),
        done,
      ],
    });
    expect(await untilEnded(app, away)).toMatchObject({ status: 'completed', attempts: 1 });
    const busy = await create('busy', { start: [new RetryAfterError(1), done] });
    expect(await untilEnded(app, busy)).toMatchObject({
      status: 'completed',
      attempts: 2,
      isOutcomeUnknown: false,
    });
    const wrong = await create('wrong', { start: [new NonRetryableError('there is no such voice')] });
    expect(await untilEnded(app, wrong)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { message: 'there is no such voice' },
    });
  });

  it('that has failed is repeated as a new call; one that was taken is not', async () => {
    const id = await create('refused', {
      start: [{ phase: 'failed', error: { code: 'E', message: 'no' } }, done],
    });
    await untilEnded(app, id);
    const again = await app.calls.retry(id);
    expect(again).not.toBe(id);
    expect(await untilEnded(app, again)).toMatchObject({
      status: 'completed',
      retryOf: id,
      request: 'refused',
    });
    expect(await app.calls.get(id)).toMatchObject({ status: 'failed' });
    await expect(app.calls.retry(again)).rejects.toMatchObject({ code: 'INTEGRATION_CALL_STATE' });
    await expect(app.calls.check(again)).rejects.toMatchObject({ code: 'INTEGRATION_CALL_STATE' });
    await expect(app.calls.cancel(again)).rejects.toMatchObject({ code: 'INTEGRATION_CALL_STATE' });
  });

  it('is asked for at once by check', async () => {
    const id = await create('asked', { poll: [done] });
    await untilStatus(app, id, 'processing');
    expect(times('poll asked')).toBe(0);
    await app.calls.check(id);
    expect(await untilEnded(app, id)).toMatchObject({ status: 'completed' });
    expect(times('poll asked')).toBe(1);
  });

  it('that nobody has started is cancelled at once', async () => {
    const publisher = await startCallApp(database, [Scripted], { role: 'publisher' });
    await app.close();
    const { callId } = await publisher.calls.create(Scripted, { request: 'early' });
    await publisher.calls.cancel(callId, { by: 'ann', reason: 'no' });
    expect(await publisher.calls.get(callId)).toMatchObject({
      status: 'canceled',
      attempts: 0,
      cancelReason: 'no',
    });
    expect(await stepsOf(database, callId)).toEqual(['requested', 'initialized', 'canceled']);
    await publisher.close();
    app = await startCallApp(database, [Scripted]);
    system = app.context.get(Scripted);
  });

  it('that is cancelled while it is started is cancelled there once its id is known', async () => {
    const answer = gate();
    const id = await create('starting', { start: [answer] });
    await until('it is started', async () => times('start starting') === 1);
    await app.calls.cancel(id, { reason: 'changed my mind' });
    expect(times('cancel starting')).toBe(0);
    answer.open();
    expect(await untilEnded(app, id)).toMatchObject({ status: 'canceled', externalId: `x-${id}` });
    expect(times('cancel starting')).toBe(1);
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'processing', 'canceled']);
  });

  it('of which nobody knows whether it was taken says so also when it is cancelled', async () => {
    const id = await create('maybe', { start: [new Error('reset by peer')] });
    await until('nobody knows', async () => (await app.calls.get(id))?.isOutcomeUnknown);
    await app.calls.cancel(id);
    expect(await untilEnded(app, id)).toMatchObject({ status: 'canceled', isOutcomeUnknown: true });
    expect(times('cancel maybe')).toBe(0);
  });

  it('that was over before the cancellation came ends as the other system says', async () => {
    const id = await create('over', { cancel: [done] });
    await untilStatus(app, id, 'processing');
    await app.calls.cancel(id);
    expect(await untilEnded(app, id)).toMatchObject({ status: 'completed', result: 1 });
  });

  it('goes on while all calls of another group hang', async () => {
    const hang = gate();
    system.scripts.set('start hanging', [hang]);
    const hanging = Array.from({ length: 30 }, () =>
      app.calls.create(Scripted, { request: 'hanging', group: 'hanging' }),
    );
    await Promise.all(hanging);
    await until('as many hang as may', async () => times('start hanging') === 10);
    const id = await create('free', { start: [done] });
    expect(await untilEnded(app, id)).toMatchObject({ status: 'completed' });
    expect(times('start hanging')).toBe(10);
    hang.open();
    for (const { callId } of await Promise.all(hanging)) await untilStatus(app, callId, 'processing');
  });
});
