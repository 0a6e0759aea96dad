import { afterEach, describe, expect, it } from '@jest/globals';
import { type ReceiverBehaviour, type WebhookReceiver, webhookReceiver } from 'nestjs-integration/testing';
import { checkNetworkRules } from '../../src/http/network-rules.js';
import { OutgoingHttp } from '../../src/http/outgoing-http.js';
import { outcomeOf } from '../../src/webhooks/outgoing/sending/outcome-of.js';
import { publicKeyOf, signingSecretFor } from '../../src/webhooks/outgoing/sending/signing-secrets.js';
import { webhookBody } from '../../src/webhooks/outgoing/sending/webhook-body.js';
import { webhookHeaders } from '../../src/webhooks/outgoing/sending/webhook-headers.js';

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each.close();
});

async function started(behaviour?: ReceiverBehaviour): Promise<WebhookReceiver> {
  const receiver = await webhookReceiver({ behaviour });
  closing.push(receiver);
  return receiver;
}

function sender(receiver: WebhookReceiver) {
  const out = new OutgoingHttp(checkNetworkRules(receiver.network));
  closing.push(out);
  return (secret: string, { id = 'event-1', at = new Date(), wholeMs = 10_000 } = {}) => {
    const body = webhookBody('standard', { id, type: 'invoice.paid', at, data: '{"total":7}' }, 'urn:shop');
    return out.sendRequest({
      url: receiver.url,
      body: body.text,
      headers: webhookHeaders({ id, at, body, secrets: [secret] }),
      answerBytes: 10,
      deadlines: { wholeMs },
    });
  };
}

const newSecret = () => signingSecretFor('v1', undefined).value;

describe('a receiver of webhooks for tests', () => {
  it('says what came, with which attempt, and whether it was signed by whom it trusts', async () => {
    const receiver = await started();
    const send = sender(receiver);
    const [secret, key] = [newSecret(), signingSecretFor('v1a', undefined).value];
    receiver.trust(secret, publicKeyOf(key));
    await send(secret);
    await send(key);
    await send(newSecret(), { id: 'event-2' });
    await send(secret, { id: 'event-3', at: new Date(Date.now() - 3_600_000) });
    const requests = await receiver.received(4);
    expect(requests.map(({ id, attempt, isVerified }) => [id, attempt, isVerified])).toEqual([
      ['event-1', 1, true],
      ['event-1', 2, true],
      ['event-2', 1, false],
      ['event-3', 1, false],
    ]);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: '/hook',
      behaviour: 'ok',
      headers: { 'webhook-id': 'event-1', 'content-type': 'application/json' },
      json: { type: 'invoice.paid', data: { total: 7 } },
    });
    expect(requests[0]?.body).toBe(JSON.stringify(requests[0]?.json));
  });

  it.each<[ReceiverBehaviour, object, object]>([
    ['ok', { status: 200 }, { is: 'done' }],
    ['slow', { status: 200 }, { is: 'done' }],
    ['refuse', { status: 500 }, { is: 'again', isFailure: true }],
    ['gone', { status: 410 }, { is: 'gone' }],
    ['retry-after', { status: 503 }, { is: 'target-off', forMs: 1_000 }],
    ['redirect', { status: 302 }, { is: 'again' }],
    ['reset', { kind: 'reset' }, { is: 'again' }],
    ['cut', { kind: 'reset', status: 200 }, { is: 'again' }],
    ['garbage', { kind: 'protocol' }, { is: 'again' }],
    ['endless', { status: 200, isCut: true }, { is: 'done' }],
  ])('%s is what its name says', async (behaviour, answer, outcome) => {
    const receiver = await started(behaviour);
    const answered = await sender(receiver)(newSecret());
    expect(answered).toMatchObject(answer);
    expect(outcomeOf(answered)).toMatchObject(outcome);
    expect((await receiver.received(1)).map(({ path }) => path)).toEqual(['/hook']);
    expect(receiver.requests).toHaveLength(1);
  });

  it.each(['hang', 'trickle'] as const)('%s costs the deadline', async (behaviour) => {
    const receiver = await started(behaviour);
    const sent = sender(receiver)(newSecret(), { wholeMs: 500 });
    await receiver.received(1);
    expect(await sent).toMatchObject({ kind: 'timeout' });
  });

  it('behaves in turn, and then goes on as it did last', async () => {
    const receiver = (await started()).behave('refuse', 'retry-after', 'ok');
    const send = sender(receiver);
    const statuses = [];
    for (let sent = 0; sent < 4; sent++) {
      const answer = await send(newSecret());
      statuses.push(answer.is === 'answered' ? answer.status : answer.kind);
    }
    expect(statuses).toEqual([500, 503, 200, 200]);
  });

  it('waits for what is still to come, and says how much came when it did not', async () => {
    const receiver = await started();
    const waiting = receiver.received(2);
    const send = sender(receiver);
    await send(newSecret());
    await send(newSecret());
    expect(await waiting).toHaveLength(2);
    await expect(receiver.received(3, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'INTEGRATION_OUTCOME_TIMEOUT',
      message: '2 of 3 requests came to the receiver within 20 ms',
    });
  });

  it('is closed while it hangs and while somebody waits', async () => {
    const receiver = await started('hang');
    const sent = sender(receiver)(newSecret());
    await receiver.received(1);
    const waiting = receiver.received(2);
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'INTEGRATION_CLOSED' }),
      receiver.close(),
    ]);
    expect(await sent).toMatchObject({ kind: 'reset' });
    await receiver.close();
  });

  it('refuses secrets and behaviours that there are not', async () => {
    await expect(webhookReceiver({ secrets: ['hunter2 !'] })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.not.stringContaining('hunter2'),
    });
    await expect(webhookReceiver({ behaviour: 'sulk' as never })).rejects.toThrow(
      /behaviour must be one of ok, refuse/,
    );
    await expect(webhookReceiver({ secret: 'x' } as never)).rejects.toThrow(/did you mean secrets/);
  });
});
