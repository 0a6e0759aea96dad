// An application that has the package and no library of any broker. HOST says how it loads modules. Prints what it
// met as one line of JSON.
require('reflect-metadata');

const load = process.env.HOST === 'esm' ? (name) => import(name) : async (name) => require(name);
const connectionString = process.env.DATABASE_URL;

async function main() {
  const { Module } = await load('@nestjs/common');
  const { NestFactory } = await load('@nestjs/core');
  const { IntegrationDeveloperApiService, IntegrationModule } = await load('nestjs-integration');
  const { RelaysModule, clientProxyRelay, relay, source } = await load('nestjs-integration/relay');
  const { kafkaRelay, kafkaSource } = await load('nestjs-integration/relay/kafka');
  const { natsRelay, natsSource } = await load('nestjs-integration/relay/nats');
  const { rabbitRelay, rabbitSource } = await load('nestjs-integration/relay/rabbitmq');

  async function boot(options) {
    class AppModule {}
    Module({ imports: [IntegrationModule.forRoot({ connectionString }), RelaysModule.forRoot(options)] })(
      AppModule,
    );
    return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  }

  let tell;
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  const app = await boot({
    relays: [
      relay({
        name: 'out',
        eventName: 'thing.changed',
        publish: async (messages) => {
          tell(messages.map(({ cloudEvent }) => cloudEvent.attributes.type));
          return messages.map(() => ({ is: 'accepted' }));
        },
      }),
    ],
    sources: [source({ name: 'in', pull: async () => [], ack: async () => {} })],
  });
  const api = app.get(IntegrationDeveloperApiService);
  await api.transaction((tx) => api.for('packed', 'thing').publish('thing.changed', '1', {}, tx));
  const sent = await told;
  await app.close();

  const event = (of) => ({ name: of, eventName: 'thing.*' });
  const { details } = await boot({
    relays: [
      kafkaRelay({ ...event('kafka'), producer: () => load('kafkajs'), topic: 'things' }),
      natsRelay({ ...event('nats'), jetstream: () => load('@nats-io/jetstream'), subject: 'things' }),
      rabbitRelay({ ...event('rabbit'), publisher: () => load('rabbitmq-client'), exchange: 'things' }),
      clientProxyRelay({ ...event('nest'), client: () => load('@nestjs/microservices') }),
    ],
    sources: [
      kafkaSource({ name: 'kafka', topics: ['things'] }),
      natsSource({ name: 'nats' }),
      rabbitSource({ name: 'rabbit', queue: 'things' }),
    ],
  }).catch((error) => error);
  // A bundle may hold the client of Nest while the package cannot load the class of its records.
  class ClientRMQ {
    emit() {}
  }
  const { code, message } = await boot({
    relays: [clientProxyRelay({ ...event('nest'), client: new ClientRMQ() })],
  }).catch((error) => error);
  console.log(JSON.stringify({ sent, problems: details?.problems, code, message }));
}

// An application that could not boot keeps its connections.
main().then(() => process.exit(0));
