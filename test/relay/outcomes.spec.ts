import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnRelayOptions, type RelayMessage, type RelayOutcome, relay } from '../../src/relay/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

let database: TestDatabase;
let app: RelayApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app.close();
  silenceLog();
});
afterAll(() => database.drop());

const ACCEPTED: RelayOutcome = { is: 'accepted' };
const nameOf = ({ event: { payload } }: RelayMessage) => String((payload as { name: string }).name);

/** What becomes of a message, by its name and the number of its attempt. */
type Judge = (name: string, attempt: number) => RelayOutcome;

/**
 * Relays events of these names, whose aggregate is the letter that a name begins with. Returns the names of
 * each call of `publish`.
 */
async function relayed(
  type: string,
  names: readonly string[],
  judge: Judge,
  options: Partial<OwnRelayOptions> = {},
): Promise<string[]> {
  const calls: string[] = [];
  const attempts = new Map<string, number>();
  app = await startRelayApp(database, {
    relays: [
      relay({
        name: type,
        eventName: `${type}.made`,
        concurrency: 1,
        publish: async (messages) => {
          calls.push(messages.map(nameOf).join(' '));
          return messages.map((message) => {
            const attempt = (attempts.get(nameOf(message)) ?? 0) + 1;
            attempts.set(nameOf(message), attempt);
            return judge(nameOf(message), attempt);
          });
        },
        ...options,
      }),
    ],
  });
  await app.api.publishEvents(
    names.map((name) => event(`${type}.made`, `${type}${name.charAt(0)}`, { name })),
  );
  await untilConsumerSettled(database, `relay.${type}`);
  return calls;
}

/** The names that were accepted, in their order. */
function accepting(judge: Judge): { readonly judge: Judge; readonly accepted: string[] } {
  const accepted: string[] = [];
  return {
    accepted,
    judge: (name, attempt) => {
      const outcome = judge(name, attempt);
      if (outcome.is === 'accepted') accepted.push(name);
      return outcome;
    },
  };
}

const refused = (words: string, isFinal = false): RelayOutcome => ({
  is: 'refused',
  error: new Error(words),
  isFinal,
});

describe('a relay', () => {
  it('has at most one message of an aggregate on its way', async () => {
    const calls = await relayed('waves', ['a1', 'a2', 'b1', 'a3', 'b2', 'c1'], () => ACCEPTED);
    for (const call of calls) {
      const aggregates = call.split(' ').map((name) => name.charAt(0));
      expect(new Set(aggregates).size).toBe(aggregates.length);
    }
    expect(calls.join(' ').split(' ').sort()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  });

  it('sends what follows a refused message after it, and others at once', async () => {
    hearLog();
    const { judge, accepted } = accepting((name, attempt) =>
      name === 'a3' && attempt === 1 ? refused('not now') : ACCEPTED,
    );
    const calls = await relayed('third', ['a1', 'a2', 'a3', 'a4', 'a5', 'b1'], judge);
    expect(accepted.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(calls.join(' ').split(' ').sort()).toEqual(['a1', 'a2', 'a3', 'a3', 'a4', 'a5', 'b1']);
  });

  it('makes a dead letter at once of what is refused for good, in the words of the broker', async () => {
    hearLog();
    const { judge, accepted } = accepting((name) => (name === 'a1' ? refused('too large', true) : ACCEPTED));
    await relayed('final', ['a1', 'a2', 'b1'], judge);
    expect(accepted.sort()).toEqual(['a2', 'b1']);
    const rows = await inboxRows(database, 'relay.final');
    expect(rows.filter(({ status }) => status === 'dead_letter')).toEqual([
      expect.objectContaining({ attempts: 1, error: expect.stringContaining('too large') }),
    ]);
  });

  it('counts no attempt while the broker is away, and goes on when it is there', async () => {
    const log = hearLog();
    const { judge, accepted } = accepting((_, attempt) =>
      attempt <= 2
        ? { is: 'unavailable', error: new Error('connection refused'), retryAfterMs: 10 }
        : ACCEPTED,
    );
    await relayed('away', ['a1', 'a2', 'b1'], judge);
    expect(accepted.sort()).toEqual(['a1', 'a2', 'b1']);
    const rows = await inboxRows(database, 'relay.away');
    expect(rows.filter(({ attempts }) => attempts > 0)).toEqual([]);
    expect(log.all.filter(({ text }) => text.includes('connection refused')).length).toBeLessThanOrEqual(2);
  });

  it('keeps what was accepted when the broker goes away in the middle of a batch', async () => {
    hearLog();
    const { judge, accepted } = accepting((name, attempt) =>
      name.startsWith('b') && attempt === 1
        ? { is: 'unavailable', error: new Error('gone'), retryAfterMs: 10 }
        : ACCEPTED,
    );
    const calls = await relayed('middle', ['a1', 'b1', 'b2', 'c1'], judge);
    expect(accepted.filter((name) => name.startsWith('b'))).toEqual(['b1', 'b2']);
    expect(
      calls
        .join(' ')
        .split(' ')
        .filter((name) => name === 'a1' || name === 'c1'),
    ).toHaveLength(2);
    const rows = await inboxRows(database, 'relay.middle');
    expect(rows.filter(({ attempts }) => attempts > 0)).toEqual([]);
  });

  it('takes what the broker does not answer within timeoutMs for not accepted', async () => {
    hearLog();
    let calls = 0;
    const signals: AbortSignal[] = [];
    await relayed('late', ['a1'], () => ACCEPTED, {
      timeoutMs: 50,
      publish: (messages, { signal }) => {
        signals.push(signal);
        return ++calls === 1 ? new Promise(() => {}) : Promise.resolve(messages.map(() => ACCEPTED));
      },
    });
    expect(calls).toBe(2);
    expect(signals[0]?.aborted).toBe(true);
    const rows = await inboxRows(database, 'relay.late');
    expect(rows.filter(({ attempts }) => attempts > 0)).toEqual([]);
  });

  it('sends what transform returns, skips what it leaves out, and refuses another aggregate', async () => {
    hearLog();
    const sent: unknown[] = [];
    await relayed('changed', ['a1', 'b1', 'c1'], () => ACCEPTED, {
      transform: (given) => {
        const { name } = given.payload as { name: string };
        if (name === 'b1') return undefined;
        return name === 'c1' ? { ...given, aggregateId: 'another' } : { ...given, payload: { name: 'A' } };
      },
      publish: async (messages) => {
        sent.push(...messages.map(({ cloudEvent }) => cloudEvent.data));
        return messages.map(() => ACCEPTED);
      },
    });
    expect(sent).toEqual([{ is: 'json', text: '{"name":"A"}' }]);
    const rows = await inboxRows(database, 'relay.changed');
    expect(rows.map(({ status }) => status).sort()).toEqual(['dead_letter', 'skipped']);
    expect(rows.find(({ status }) => status === 'dead_letter')?.error).toContain('aggregate');
  });

  it('gives payloads with every digit, and metadata as extensions of CloudEvents', async () => {
    const sent: RelayMessage[] = [];
    app = await startRelayApp(database, {
      application: 'shop',
      relays: [
        relay({
          name: 'digits',
          eventName: 'digits.made',
          publish: async (messages) => {
            sent.push(...messages);
            return messages.map(() => ACCEPTED);
          },
        }),
      ],
    });
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
       VALUES ('digits.made', 'test', 'a/b c', 'ü:1', '{"n": 12345678901234567890.5}',
               '{"correlationId": "c", "tenantId": "t", "origin": "crm", "via": ["billing"]}')`,
    );
    await app.api.publishEvent(event('digits.made', 'wake'));
    await untilConsumerSettled(database, 'relay.digits');
    const found = sent.find(({ event: { aggregateId } }) => aggregateId === 'ü:1');
    expect(found?.key).toBe('a%2Fb%20c/%C3%BC%3A1');
    expect(found?.cloudEvent.data).toEqual({ is: 'json', text: '{"n": 12345678901234567890.5}' });
    expect(found?.cloudEvent.attributes).toMatchObject({
      subject: 'a%2Fb%20c/%C3%BC%3A1',
      partitionkey: 'a%2Fb%20c/%C3%BC%3A1',
      sequence: expect.stringMatching(/^\d{19}$/),
      correlationid: 'c',
      tenantid: 't',
      origin: 'crm',
      via: 'billing,shop',
    });
  });
});
