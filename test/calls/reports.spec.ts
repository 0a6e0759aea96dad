import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  type CallOf,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from '../../src/calls/index.js';
import { type DomainEvent, IntegrationSubscriber, type SubscriberContext } from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilWaiting } from '../support/until-waiting.js';
import { type CallApp, startCallApp, stepsOf, untilEnded, untilStatus } from './call-app.js';

interface Wanted {
  readonly externalId?: string;
  readonly after?: string;
}

/** Waits before it answers, if it is asked to. */
@Injectable()
@ExternalCallType({ type: 'print', unknownOutcome: 'retry' })
class PrintCalls {
  private readonly gates = new Map<string, Gate>();

  async start({ id, request }: CallOf<Wanted>): Promise<CallUpdate<string>> {
    const { externalId = `x-${id}`, after } = request;
    if (after !== undefined) await this.gateOf(after).opened;
    return { externalId, phase: 'processing' };
  }

  gateOf(name: string): Gate {
    const waiting = this.gates.get(name) ?? gate();
    this.gates.set(name, waiting);
    return waiting;
  }
}

/** What a webhook becomes: an ordinary subscriber in a transaction. */
@Injectable()
class Webhooks {
  failed: unknown;

  constructor(private readonly calls: ExternalCallsService) {}

  @IntegrationSubscriber('webhook.print.done', { consumerName: 'print-webhooks', transactional: true })
  async done({ payload }: DomainEvent<{ externalId: string }>, context: SubscriberContext): Promise<void> {
    const which = { type: 'print', externalId: payload.externalId };
    const update = { phase: 'completed', result: 'printed' } as const;
    await this.calls.report(which, update, {
      source: 'webhook.print',
      persistenceClient: context.transaction,
    });
  }

  @IntegrationSubscriber('webhook.print.forgetful', { consumerName: 'print-forgetful', transactional: true })
  async forgetful({ payload }: DomainEvent<{ externalId: string }>): Promise<void> {
    const which = { type: 'print', externalId: payload.externalId };
    this.failed = await this.calls.report(which, { phase: 'completed', result: 1 }).catch((error) => error);
  }
}

describe('a report', () => {
  let database: TestDatabase;
  let app: CallApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startCallApp(database, [PrintCalls, Webhooks]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const create = async (request: Wanted) => (await app.calls.create(PrintCalls, { request })).callId;
  const done = { phase: 'completed', result: 'printed' } as const;
  const publish = (name: string, externalId: string) =>
    app.api.publishEvent({
      eventName: name,
      sourceModule: 'test',
      aggregateType: 'webhook',
      aggregateId: externalId,
      payload: { externalId },
    });

  it('that comes before the external id is known waits, and is taken up with it', async () => {
    const id = await create({ externalId: 'early', after: 'early' });
    await publish('webhook.print.done', 'early');
    await until('the report waits', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.external_call_report WHERE external_id = 'early' AND call_id IS NULL`,
      );
      return rows.length === 1;
    });
    app.context.get(PrintCalls).gateOf('early').open();
    expect(await untilEnded(app, id)).toMatchObject({ status: 'completed', result: 'printed' });
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'processing', 'completed']);
    expect(await app.calls.timeline(id)).toMatchObject([
      { source: 'webhook.print', phase: 'completed', applied: true },
      { source: 'start', phase: 'processing', applied: true },
    ]);
  });

  it('that commits while the external id becomes known is not lost', async () => {
    const id = await create({ externalId: 'at-once', after: 'at-once' });
    await app.api.transaction(async (tx) => {
      const which = { type: 'print', externalId: 'at-once' };
      expect(await app.calls.report(which, done, { persistenceClient: tx })).toEqual({
        is: 'waiting',
        callId: null,
      });
      app.context.get(PrintCalls).gateOf('at-once').open();
      // Whoever saves the external id waits for this transaction.
      await until('the save waits', async () => {
        const { rows } = await database.pool.query(
          `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
           WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database()`,
        );
        return rows.length > 0;
      });
    });
    expect(await untilEnded(app, id)).toMatchObject({ status: 'completed' });
  });

  it('that is repeated, late or contradicting is kept and changes nothing', async () => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    expect(await app.calls.report({ callId: id }, done)).toEqual({ is: 'applied', callId: id });
    expect(await app.calls.report({ callId: id }, done)).toEqual({ is: 'kept', callId: id });
    const failed = { phase: 'failed', error: { code: 'no', message: 'after all not' } } as const;
    const which = { type: 'print', externalId: `x-${id}` };
    expect(await app.calls.report(which, failed)).toEqual({ is: 'kept', callId: id });
    expect(await app.calls.get(id)).toMatchObject({ status: 'completed', result: 'printed', error: null });
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'processing', 'completed']);
    expect(await app.calls.timeline(id)).toMatchObject([
      { phase: 'processing', applied: true },
      { phase: 'completed', applied: true, times: 2 },
      { phase: 'failed', applied: false, times: 1, data: { code: 'no' } },
    ]);
  });

  it('waits for one that is under way, and is judged by what that has made of the call', async () => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    const failed = { phase: 'failed', error: { code: 'x', message: 'y' } } as const;
    const [said, mayCommit] = [gate(), gate()];
    const first = app.api.transaction(async (tx) => {
      await app.calls.report({ callId: id }, done, { persistenceClient: tx });
      said.open();
      await mayCommit.opened;
    });
    await said.opened;
    const second = app.calls.report({ callId: id }, failed);
    await untilWaiting(database);
    mayCommit.open();
    await first;
    expect(await second).toEqual({ is: 'kept', callId: id });
    expect(await stepsOf(database, id)).toEqual(['requested', 'initialized', 'processing', 'completed']);
  });

  it('of two who say the end at the same moment ends the call once', async () => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    const said = await Promise.all([
      app.calls.report({ callId: id }, done, { source: 'one' }),
      app.calls.report(
        { callId: id },
        { phase: 'failed', error: { code: 'x', message: 'y' } },
        { source: 'two' },
      ),
      publish('webhook.print.done', `x-${id}`),
    ]);
    expect(said.slice(0, 2).filter((each) => 'is' in each && each.is === 'applied').length).toBeLessThan(2);
    await untilEnded(app, id);
    await until('all three reports', async () => (await app.calls.timeline(id)).length === 4);
    const ends = (await stepsOf(database, id)).filter((step) => ['completed', 'failed'].includes(step));
    expect(ends).toHaveLength(1);
  });

  it('without the transaction of its handler is refused as forgotten', async () => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    await publish('webhook.print.forgetful', `x-${id}`);
    const { failed } = await until('the handler', async () => {
      const webhooks = app.context.get(Webhooks);
      return webhooks.failed === undefined ? undefined : webhooks;
    });
    expect(failed).toMatchObject({ code: 'INTEGRATION_TRANSACTION_FORGOTTEN' });
    expect(await app.calls.get(id)).toMatchObject({ status: 'processing' });
  });

  it('is taken in the transaction that makes its call', async () => {
    const said = await app.api.transaction(async (tx) => {
      const { callId } = await app.calls.create(PrintCalls, { request: {} }, { persistenceClient: tx });
      return app.calls.report({ callId }, done, { persistenceClient: tx });
    });
    const callId = String(said.callId);
    expect(said).toEqual({ is: 'applied', callId });
    expect(await untilEnded(app, callId)).toMatchObject({ status: 'completed', result: 'printed' });
    expect(await stepsOf(database, callId)).toEqual(['requested', 'initialized', 'processing', 'completed']);
  });

  it('that rolls back was never there', async () => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    const rolledBack = app.api.transaction(async (tx) => {
      await app.calls.report({ callId: id }, done, { persistenceClient: tx });
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await app.calls.get(id)).toMatchObject({ status: 'processing' });
    expect(await app.calls.timeline(id)).toHaveLength(1);
  });

  it('ends a call whose external id is another one’s', async () => {
    const first = await create({ externalId: 'same' });
    await untilStatus(app, first, 'processing');
    const second = await create({ externalId: 'same' });
    expect(await untilEnded(app, second)).toMatchObject({
      status: 'failed',
      error: { code: 'INTEGRATION_CALL_EXTERNAL_ID_TAKEN' },
    });
    expect(await app.calls.get(first)).toMatchObject({ status: 'processing' });
  });

  it.each([
    ['no phase', {}, /phase must be one of/],
    ['an empty id', { phase: 'processing', externalId: '' }, /externalId must not be empty/],
    ['no error', { phase: 'failed' }, /error must have a code and a message/],
    ['another field', { phase: 'processing', state: 1 }, /state/],
  ])('with %s is refused before any SQL', async (_, update, message) => {
    const id = await create({});
    await untilStatus(app, id, 'processing');
    const refused = app.calls.report({ callId: id }, update as never);
    await expect(refused).rejects.toMatchObject({
      code: 'INTEGRATION_CALL_INVALID',
      message: expect.stringMatching(message),
    });
    expect(await app.calls.timeline(id)).toHaveLength(1);
  });
});
