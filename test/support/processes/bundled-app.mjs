// An application that a bundler puts into one file: boots, publishes an event, handles it, says so, and closes.
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  IntegrationDeveloperApiService,
  IntegrationModule,
  IntegrationSubscriber,
  OutboxProcessor,
} from 'nestjs-integration';

const say = (line) => process.stdout.write(`${line}\n`);

class Subscriber {
  async onThing({ payload }) {
    say(`handled ${JSON.stringify(payload)}`);
  }
}
IntegrationSubscriber('thing.happened', { consumerName: 'bundled' })(
  Subscriber.prototype,
  'onThing',
  Object.getOwnPropertyDescriptor(Subscriber.prototype, 'onThing'),
);

class AppModule {}
Module({ imports: [IntegrationModule.forRoot({ migrations: 'run' })], providers: [Subscriber] })(AppModule);

async function main() {
  Logger.overrideLogger(['error', 'warn']);
  const app = await NestFactory.createApplicationContext(AppModule, { abortOnError: false });
  await app
    .get(IntegrationDeveloperApiService)
    .publishEvent('thing.happened', 'test', 'thing', 'a1', { n: 1 });
  await app.get(OutboxProcessor).drain();
  await app.close();
}

main().catch((error) => {
  say(`${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
});
