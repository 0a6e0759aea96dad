// An application whose boot fails in a module of a part, beside an engine that has booted: whether the process then ends is what a
// test asks. Told by its environment: DATABASE_URL, and PART, which says where the boot fails. Prints the code of the error.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CallsModule, ExternalCallType } from '../../../dist/calls/index.js';
import { IntegrationModule } from '../../../dist/index.js';
import { RelaysModule, relay, source } from '../../../dist/relay/index.js';
import { Saga, SagasModule } from '../../../dist/sagas/index.js';
import { IntegrationSchedule, SchedulesModule } from '../../../dist/schedules/index.js';
import { SecretsModule } from '../../../dist/secrets/index.js';
import { standardSource, WebhooksModule } from '../../../dist/webhooks/index.js';

const sound = source({ name: 'sound', pull: async () => [], ack: async () => {} });
const parts = {
  relays: () => RelaysModule.forRoot({ relays: [relay({ name: 'wrong' })], sources: [sound] }),
  incoming: () =>
    WebhooksModule.forRoot({
      incoming: { sources: [standardSource({ key: 'wrong', secrets: 'endpoint' })] },
    }),
  outgoing: () => WebhooksModule.forRoot({ outgoing: {} }),
  secrets: () => SecretsModule.forRoot(),
  sagas: () => SagasModule.forRoot(),
  calls: () => CallsModule.forRoot(),
  schedules: () => SchedulesModule.forRoot(),
};

class Wrong {
  run() {}
}
if (process.env.PART === 'sagas') Saga({ name: 'wrong' })(Wrong);
if (process.env.PART === 'calls') ExternalCallType({ type: 'wrong' })(Wrong);
if (process.env.PART === 'schedules')
  IntegrationSchedule({ name: 'wrong' })(
    Wrong.prototype,
    'run',
    Object.getOwnPropertyDescriptor(Wrong.prototype, 'run'),
  );

class FailingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({ connectionString: process.env.DATABASE_URL }),
    parts[process.env.PART](),
  ],
  providers: [Wrong],
})(FailingModule);

try {
  await NestFactory.createApplicationContext(FailingModule, { logger: false, abortOnError: false });
} catch (error) {
  console.log(error.code ?? error.message);
}
