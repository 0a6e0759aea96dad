import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type CallContext, type CallOf, type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type CallApp, eventsOf, startCallApp, stepsOf, untilEnded, untilStatus } from './call-app.js';

const Wanted = z.object({ how: z.enum(['at-once', 'later', 'refused', 'never']) });
type Wanted = z.infer<typeof Wanted>;
const Done = z.object({ url: z.string() });
type Done = z.infer<typeof Done>;

/** Another system that answers as it is asked to. */
@Injectable()
@ExternalCallType({
  type: 'tts',
  request: Wanted,
  result: Done,
  unknownOutcome: 'retry',
  poll: { firstMs: 1, maxMs: 5 },
})
class TtsCalls {
  readonly canceled: string[] = [];

  async start({ id, request }: CallOf<Wanted>, { idempotencyKey }: CallContext): Promise<CallUpdate<Done>> {
    expect(idempotencyKey).toBe(id);
    if (request.how === 'refused') return { phase: 'failed', error: { code: 'E7', message: 'not today' } };
    if (request.how === 'at-once') return { phase: 'completed', result: { url: 'at-once' } };
    return { externalId: `x-${id}`, phase: 'processing' };
  }

  async poll({ request, externalId }: CallOf<Wanted>): Promise<CallUpdate<Done>> {
    return request.how === 'later'
      ? { phase: 'completed', result: { url: String(externalId) } }
      : { phase: 'processing' };
  }

  async cancel({ externalId }: CallOf<Wanted>): Promise<void> {
    this.canceled.push(String(externalId));
  }
}

describe('the sequence of a call', () => {
  let database: TestDatabase;
  let app: CallApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startCallApp(database, [TtsCalls]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const create = async (how: Wanted['how']) =>
    (await app.calls.create(TtsCalls, { request: { how } })).callId;

  it('is the same for a system that answers at once and for one that answers later', async () => {
    for (const how of ['at-once', 'later'] as const) {
      const id = await create(how);
      const call = await untilEnded(app, id);
      expect(call).toMatchObject({ status: 'completed', attempts: 1, isOutcomeUnknown: false, dueAt: null });
      expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'processing', 'completed']);
      const externalId = how === 'later' ? `x-${id}` : id;
      const events = await eventsOf(database, id);
      const about = { callId: id, type: 'tts', subject: null, group: null, caller: null };
      expect(events.map(({ payload }) => payload)).toEqual([
        { ...about, externalId: null, request: { how } },
        { ...about, externalId },
        { ...about, externalId },
        { ...about, externalId, result: { url: how === 'later' ? externalId : 'at-once' } },
      ]);
      expect(new Set(events.map(({ metadata }) => metadata.correlationId))).toEqual(new Set([id]));
    }
  });

  it('has its id and its end also for a refusal, and for a call that is cancelled', async () => {
    const refused = await create('refused');
    expect(await untilEnded(app, refused)).toMatchObject({
      status: 'failed',
      externalId: refused,
      error: { code: 'E7', message: 'not today' },
    });
    expect(await stepsOf(database, refused)).toEqual(['requested', 'initialized', 'failed']);

    const canceled = await create('never');
    await untilStatus(app, canceled, 'processing');
    await app.calls.cancel(canceled, { reason: 'not wanted any more' });
    expect(await untilEnded(app, canceled)).toMatchObject({
      status: 'canceled',
      cancelReason: 'not wanted any more',
    });
    expect(app.context.get(TtsCalls).canceled).toEqual([`x-${canceled}`]);
    expect(await stepsOf(database, canceled)).toEqual(['requested', 'initialized', 'processing', 'canceled']);
  });

  it('begins with the commit of the caller, or not at all', async () => {
    let id = '';
    const rolledBack = app.api.transaction(async (tx) => {
      const call = { request: { how: 'at-once' as const } };
      ({ callId: id } = await app.calls.create(TtsCalls, call, { persistenceClient: tx }));
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await app.calls.get(id)).toBeUndefined();
    const { callId } = await app.api.transaction((tx) =>
      app.calls.create(TtsCalls, { request: { how: 'at-once' } }, { persistenceClient: tx }),
    );
    await untilEnded(app, callId);
  });

  it('is that of the first call of an idempotency key', async () => {
    const call = { request: { how: 'at-once' as const }, idempotencyKey: 'k1' };
    const first = await app.calls.create(TtsCalls, call);
    const second = await app.calls.create(TtsCalls, call);
    expect(second).toEqual({ callId: first.callId, isDuplicate: true });
    await untilEnded(app, first.callId);
    expect(await stepsOf(database, first.callId)).toEqual([
      'requested',
      'initialized',
      'processing',
      'completed',
    ]);
  });
});
