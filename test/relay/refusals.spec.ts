import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ClientGrpcProxy,
  ClientKafka,
  ClientMqtt,
  ClientNats,
  ClientRedis,
  ClientTCP,
} from '@nestjs/microservices';
import { IntegrationError } from '../../src/index.js';
import { clientProxyRelay, type RelayDefinition, RelaysModule, relay } from '../../src/relay/index.js';
import { kafkaRelay } from '../../src/relay/kafka/index.js';
import { natsRelay } from '../../src/relay/nats/index.js';
import { rabbitRelay } from '../../src/relay/rabbitmq/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startRelayApp } from './support/relay-app.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What the boot says of these relays. */
async function problemsOf(relays: readonly RelayDefinition[], more: object = {}): Promise<string[]> {
  const error: unknown = await startRelayApp(database, { relays, ...more }).then(
    async (app) => app.close(),
    (refusal: unknown) => refusal,
  );
  if (error === undefined) return [];
  if (!(error instanceof IntegrationError) || error.code !== 'INTEGRATION_RELAY_INVALID') throw error;
  return [...(error.details.problems as string[])];
}

const NAMED = { name: 'x', eventName: 'x.*' };
const as = <T>(value: object) => value as T;
type Options<F extends (options: never) => unknown> = Parameters<F>[0];

describe('the boot', () => {
  it('names every problem of every relay at once', async () => {
    const problems = await problemsOf(
      [
        kafkaRelay(as<Options<typeof kafkaRelay>>({ producer: { send() {} }, topic: '' })),
        rabbitRelay({ name: 'x', eventName: [], publisher: { on() {}, publish() {} }, exchange: '' }),
        natsRelay({ ...NAMED, jetstream: undefined, subject: 'shop.*', batch: 5001 }),
        relay(as<Options<typeof relay>>({ name: 'own', eventName: 'a', publish: 7, timeoutMs: 0, tme: 1 })),
      ],
      { application: 'a,b' },
    );
    const expected = [
      'application must be',
      'relays[0]: name is missing',
      'relays[0]: eventName is missing',
      'relays[0]: topic must be',
      'relays[0]: producer must be a producer of kafkajs or @confluentinc/kafka-javascript: it has no sendBatch(); given was an object of the class Object',
      'relay "x": eventName is an empty list',
      'relay "x": exchange must be',
      'createConfirmChannel()',
      'relay "x": subject has a wildcard',
      'relay "x": batch must be a whole number from 1 to 5000',
      'relay "x": there are two relays of this name',
      'relay "x": jetstream is missing',
      'relay "own": publish must be',
      'relay "own": timeoutMs must be',
      'relay "own": tme is not an option',
    ];
    for (const words of expected) expect(problems).toContainEqual(expect.stringContaining(words));
    expect(problems).toHaveLength(expected.length);
  });

  it('says that a token names no provider', async () => {
    const [problem] = await problemsOf([clientProxyRelay({ ...NAMED, client: 'ANALYTICS' })]);
    expect(problem).toMatch(/^relay "x": client was not found: .*ANALYTICS/);
  });

  it('finds a client by its token, by a class and by a function', async () => {
    class Jet {
      async publish() {}
      async jetstreamManager() {}
    }
    const jetstreams = ['JET', Jet, () => new Jet(), async () => new Jet(), new Jet()];
    const relays = jetstreams.map((jetstream, i) =>
      natsRelay({ name: `n${i}`, eventName: 'none', jetstream, subject: () => 'a' }),
    );
    const app = await startRelayApp(
      database,
      { relays },
      { providers: [Jet, { provide: 'JET', useClass: Jet }] },
    );
    await app.close();
  });

  it('makes the options by a factory, and checks them in the same way', async () => {
    const made = RelaysModule.forRootAsync({
      useFactory: async () => ({ relays: [relay(as({ name: 'a' }))] }),
    });
    await expect(startRelayApp(database, made)).rejects.toMatchObject({
      code: 'INTEGRATION_RELAY_INVALID',
      details: { problems: [expect.stringContaining('eventName'), expect.stringContaining('publish')] },
    });
    expect(() => RelaysModule.forRootAsync({})).toThrow('useFactory');
  });

  it.each([
    [ClientNats, 'natsRelay'],
    [ClientRedis, 'XADD'],
    [ClientTCP, 'publish'],
    [ClientMqtt, 'QoS 1'],
    [ClientGrpcProxy, 'publish'],
  ])('refuses a %p, which sends without an acceptance, and says what to use', async (type, instead) => {
    // The classes load the libraries of their brokers, which are not here.
    const client = Object.create(type.prototype as object) as object;
    const problems = await problemsOf([clientProxyRelay({ ...NAMED, client })]);
    expect(problems).toEqual([expect.stringMatching(new RegExp(`without an acceptance.*${instead}`))]);
  });

  it('refuses a ClientKafka that does not wait for the replicas', async () => {
    const client = new ClientKafka({ send: { acks: 0 } });
    const problems = await problemsOf([clientProxyRelay({ ...NAMED, client })]);
    expect(problems).toEqual([expect.stringContaining('leave acks out')]);
  });
});
