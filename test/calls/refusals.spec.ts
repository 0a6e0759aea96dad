import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type Type } from '@nestjs/common';
import { z } from 'zod';
import { type CallUpdate, ExternalCallsService, ExternalCallType } from '../../src/calls/index.js';
import { type DomainEvent, IntegrationSubscriber, type SubscriberContext } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type CallApp, startCallApp, untilEnded, untilStatus } from './call-app.js';

const Wanted = z.object({ text: z.string().min(1) });

@Injectable()
@ExternalCallType({
  type: 'tts',
  request: Wanted,
  result: z.object({ url: z.string() }),
  unknownOutcome: 'retry',
})
class Tts {
  async start(): Promise<CallUpdate<{ url: string }>> {
    return { phase: 'processing' };
  }
}

@Injectable()
@ExternalCallType({ type: 'wrong', result: z.object({ url: z.string() }), unknownOutcome: 'retry' })
class Wrong {
  async start(): Promise<CallUpdate> {
    return { phase: 'completed', result: { uri: 1 } };
  }
}

@Injectable()
@ExternalCallType({ type: 'other', unknownOutcome: 'retry' })
class Other extends Tts {}

describe('what cannot be', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  it('is told at the boot, all in one list', async () => {
    @Injectable()
    @ExternalCallType({
      type: 'bad name',
      deadlineMs: 0,
      poll: { firstMs: 5, maxMs: 1 },
      maxAttempts: 1.5,
    } as never)
    class Bad {}
    @Injectable()
    @ExternalCallType({ type: 'tts', unknownOutcome: 'retry', request: 7, colour: 'red' } as never)
    class Second {
      async start(): Promise<CallUpdate> {
        return { phase: 'processing' };
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    @ExternalCallType({ type: 'scoped', unknownOutcome: 'maybe' as never })
    class Scoped extends Tts {}
    @Injectable()
    @ExternalCallType({ type: 'tts', unknownOutcome: 'retry' })
    class Third extends Tts {}
    const boot = startCallApp(database, [Tts, Bad, Second, Scoped, Third]);
    const { code, details } = await boot.then(
      () => undefined,
      (error) => error,
    );
    expect(code).toBe('INTEGRATION_CALL_INVALID');
    expect(details.problems).toEqual([
      'Bad (TestModule): type must have 1 to 60 letters, digits, ".", "_" and "-", and begin with a letter or a digit',
      'Bad (TestModule): deadlineMs must be a whole number from 1 to 316224000000',
      'Bad (TestModule): maxAttempts must be a whole number from 1 to 100',
      'Bad (TestModule): poll.maxMs must not be below poll.firstMs',
      'Bad (TestModule): it has no method start(call, context)',
      'Bad (TestModule): it has the option poll, and no method poll(call, context)',
      expect.stringMatching(/^Bad \(TestModule\): say what is to become of a call/),
      expect.stringMatching(/^Second \(TestModule\): "?colour"? is/),
      expect.stringMatching(/^Second \(TestModule\): request must be a schema/),
      expect.stringMatching(/^Scoped \(TestModule\): it is made anew for each request/),
      'Scoped (TestModule): unknownOutcome must be one of retry, fail',
      'there are two types of calls "tts": Tts (TestModule) and Third (TestModule)',
    ]);
  });

  describe('while the application runs', () => {
    let app: CallApp;
    let lacking: CallApp;

    beforeAll(async () => {
      app = await startCallApp(database, [Tts, Wrong, Tenants]);
      lacking = await startCallApp(database, [Other]);
    });
    afterAll(async () => {
      await app?.close();
      await lacking?.close();
    });

    it.each([
      ['a request that does not fit', { request: { text: '' } }, /The request of .* does not fit its schema/],
      ['no request', {}, /does not fit its schema/],
      ['another field', { request: { text: 'a' }, colour: 1 }, /"colour" is no field of a call/],
      [
        'a subject without an id',
        { request: { text: 'a' }, subject: { type: 'x' } },
        /subject needs a type and an id/,
      ],
      ['an empty key', { request: { text: 'a' }, idempotencyKey: '' }, /idempotencyKey must not be empty/],
      ['a NUL', { request: { text: 'a' }, group: 'a\0' }, /group contains a NUL character/],
      [
        'a deadline of nothing',
        { request: { text: 'a' }, deadlineMs: 0 },
        /deadlineMs must be a whole number/,
      ],
    ])('is refused for %s, and nothing is written', async (_, call, message) => {
      const before = await app.calls.list();
      await expect(app.calls.create(Tts, call as never)).rejects.toMatchObject({
        code: 'INTEGRATION_CALL_INVALID',
        message: expect.stringMatching(message),
      });
      expect(await app.calls.list()).toEqual(before);
    });

    it('is refused for a type that this process does not have, and says which it has', async () => {
      await expect(lacking.calls.create('tts', { request: { text: 'a' } })).rejects.toMatchObject({
        code: 'INTEGRATION_CALL_TYPE_UNKNOWN',
        message: expect.stringMatching(/no type of calls "tts": it has other\./),
      });
      const report = lacking.calls.report({ type: 'tts', externalId: 'x' }, { phase: 'processing' });
      await expect(report).rejects.toMatchObject({ code: 'INTEGRATION_CALL_TYPE_UNKNOWN' });
      await expect(lacking.calls.create(class {} as Type, { request: 1 })).rejects.toMatchObject({
        code: 'INTEGRATION_CALL_TYPE_UNKNOWN',
      });
    });

    it('leaves calls of a type to the process that has it', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 10; n++) {
        const group = `g${n}`;
        ids.push((await app.calls.create(Tts, { request: { text: 'a' }, group })).callId);
        ids.push((await lacking.calls.create(Other, { request: { text: 'a' }, group })).callId);
      }
      for (const id of ids) await untilStatus(app, id, 'processing');
    });

    it('fails a call whose result does not fit, and keeps why', async () => {
      const { callId: id } = await app.calls.create(Wrong, { request: 1 });
      expect(await untilEnded(app, id)).toMatchObject({
        status: 'failed',
        error: {
          code: 'INTEGRATION_CALL_INVALID',
          message: expect.stringMatching(/does not fit its schema: result/),
        },
      });
      const { callId } = await app.calls.create(Tts, { request: { text: 'a' } });
      const refused = app.calls.report({ callId }, { phase: 'completed', result: {} });
      await expect(refused).rejects.toMatchObject({ code: 'INTEGRATION_CALL_INVALID' });
    });

    it('shows a tenant nothing of another one, and lets it change nothing', async () => {
      const create = async (tenantId: string) =>
        (await app.calls.create(Tts, { request: { text: 'a' }, tenantId, idempotencyKey: 'same' })).callId;
      const [a, b] = [await create('a'), await create('b')];
      expect(a).not.toBe(b);
      await untilStatus(app, a, 'processing');
      const unknown = { code: 'INTEGRATION_CALL_UNKNOWN', message: `There is no call ${a}` };
      const done = { phase: 'completed', result: { url: 'u' } } as const;
      const asB = { tenantId: 'b' };
      expect(await app.calls.get(a, asB)).toBeUndefined();
      expect((await app.calls.list(asB)).calls.map(({ id }) => id)).toEqual([b]);
      await expect(app.calls.timeline(a, asB)).rejects.toMatchObject(unknown);
      await expect(app.calls.report({ callId: a, ...asB }, done)).rejects.toMatchObject(unknown);
      await expect(app.calls.retry(a, asB)).rejects.toMatchObject(unknown);
      await expect(app.calls.check(a, asB)).rejects.toMatchObject(unknown);
      await expect(app.calls.cancel(a, asB)).rejects.toMatchObject(unknown);
      expect(await app.calls.report({ type: 'tts', externalId: a, ...asB }, done)).toMatchObject({
        is: 'waiting',
      });
      expect(await app.calls.get(a)).toMatchObject({ status: 'processing' });
      // In a handler, the tenant is that of its event.
      await app.api.publishEvent({
        eventName: 'tenant.asks',
        sourceModule: 'test',
        aggregateType: 't',
        aggregateId: '1',
        payload: { a },
        metadata: asB,
      });
      const { seen } = await until('the handler', async () => {
        const tenants = app.context.get(Tenants);
        return tenants.seen === undefined ? undefined : tenants;
      });
      expect(seen).toEqual({ get: undefined, report: 'INTEGRATION_CALL_UNKNOWN', created: 'b' });
    });
  });
});

@Injectable()
class Tenants {
  seen: unknown;

  constructor(private readonly calls: ExternalCallsService) {}

  @IntegrationSubscriber('tenant.asks', { consumerName: 'tenants', transactional: true })
  async asks({ payload }: DomainEvent<{ a: string }>, { transaction }: SubscriberContext): Promise<void> {
    const persistenceClient = transaction;
    const update = { phase: 'completed', result: { url: 'u' } } as const;
    const report = await this.calls
      .report({ callId: payload.a }, update, { persistenceClient })
      .catch((e) => e.code);
    const get = await this.calls.get(payload.a);
    const { callId } = await this.calls.create(Tts, { request: { text: 'a' } }, { persistenceClient });
    const [row] = await transaction.$queryRawUnsafe<{ tenant_id: string }[]>(
      'SELECT tenant_id FROM integration.external_call WHERE id = $1::text::uuid',
      callId,
    );
    this.seen = { get, report, created: row?.tenant_id };
  }
}
