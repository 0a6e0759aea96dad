import type { SpecMutant } from './spec-mutants.js';

/** Wrong turns in relays and sources. Those of a broker need its program. */
export const relayMutants: readonly SpecMutant[] = [
  {
    name: 'relay: a successor is sent beside its predecessor',
    patches: [
      {
        file: 'src/relay/relays/waves.ts',
        find: 'const wave = waves[before];',
        put: 'const wave = waves[0];',
      },
    ],
    spec: 'test/relay/outcomes.spec.ts',
    test: 'has at most one message of an aggregate on its way',
  },
  {
    name: 'relay: a redrive has the id of the first message',
    patches: [
      {
        file: 'src/relay/relays/relay-handler.ts',
        find: 'const { id } = context.occasion(event);',
        put: 'const id = event.outboxEventId;',
      },
    ],
    spec: 'test/relay/nats.spec.ts',
    test: 'is sent a second message by a redrive and by a replay within the window of duplicates',
  },
  {
    name: 'relay: RabbitMQ may drop a message that no queue takes',
    patches: [
      {
        file: 'src/relay/rabbitmq/rabbit-relay.ts',
        find: 'mandatory: true,',
        put: 'mandatory: false,',
      },
    ],
    spec: 'test/relay/rabbitmq.spec.ts',
    test: 'makes a dead letter of a message that no queue takes',
  },
  {
    name: 'source: a message is acknowledged before it is committed',
    patches: [
      {
        file: 'src/relay/sources/source-loop.ts',
        find: "const stored = await this.attempt('stored'",
        put: "await this.client.ack(messages);\n      const stored = await this.attempt('stored'",
      },
    ],
    spec: 'test/relay/sources.spec.ts',
    test: 'acknowledges nothing that is not committed',
  },
  {
    name: 'source: a process that has lost its lease stores what it had pulled',
    patches: [
      {
        file: 'src/relay/sources/source-storage.ts',
        find: 'lease.fenceSql(2),',
        put: "{ ...lease.fenceSql(2), sql: '($2::text || $3::text) IS NOT NULL' },",
      },
    ],
    spec: 'test/relay/sources.spec.ts',
    test: 'stores nothing that it had pulled before another process has taken its lease',
  },
  {
    name: 'source: two whole batches are in memory',
    patches: [
      {
        file: 'src/relay/sources/source-loop.ts',
        find: 'this.pullsAhead ? Math.floor(batch / 2) : batch',
        put: 'batch',
      },
    ],
    spec: 'test/relay/sources.spec.ts',
    test: 'asks for half of a batch while the other half is stored, and for no more',
  },
  {
    name: 'source: nothing is asked for while something is stored',
    patches: [
      {
        file: 'src/relay/sources/source-loop.ts',
        find: 'client.pullsAhead === true && batch > 1',
        put: 'false',
      },
    ],
    spec: 'test/relay/sources.spec.ts',
    test: 'asks for half of a batch while the other half is stored, and for no more',
  },
];
