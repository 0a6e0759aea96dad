// A worker of one saga, as a process of its own. Each of its steps writes a row of the table `journal`, which has no unique key, in the
// transaction of the step, and says a line of JSON.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IntegrationModule } from '../../../dist/index.js';
import { Saga, SagaStart, SagaStep, SagasModule, SagaTimeout } from '../../../dist/sagas/index.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const keyOf = ({ aggregateId, payload }) => payload.key ?? aggregateId;

async function note(saga, what) {
  say({ step: what });
  await saga.transaction.$executeRawUnsafe('INSERT INTO journal (key, what) VALUES ($1, $2)', saga.key, what);
}

class WalkSaga {
  async begun(_, saga) {
    saga.state = ['begun'];
    await saga.publish({
      eventName: 'walk.told',
      sourceModule: 'test',
      aggregateType: 'told',
      aggregateId: saga.key,
    });
    await note(saga, 'begun');
  }

  async half(_, saga) {
    saga.state.push('half');
    saga.become('half');
    await saga.timeout('rest', { afterMs: 1 });
    await note(saga, 'half');
  }

  async rest(saga) {
    saga.state.push('rest');
    saga.become('rested');
    await note(saga, 'rest');
  }

  async whole(_, saga) {
    saga.state.push('whole');
    await note(saga, 'whole');
    saga.complete();
  }
}

const decorate = (method, ...decorators) => {
  for (const decorator of decorators)
    decorator(WalkSaga.prototype, method, Object.getOwnPropertyDescriptor(WalkSaga.prototype, method));
};
decorate('begun', SagaStart('walk.begun', { key: keyOf }));
decorate('half', SagaStep('walk.half', { key: keyOf, in: 'started' }));
decorate('rest', SagaTimeout('rest'));
decorate('whole', SagaStep('walk.whole', { key: keyOf, in: 'rested' }));
Saga({ name: 'walk', steps: ['half', 'rested'] })(WalkSaga);

class WorkerModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.DATABASE_URL,
      settings: {
        pollingIntervalMs: 200,
        idlePollingIntervalMs: 400,
        retryBaseDelayMs: 100,
        retryMaxDelayMs: 200,
      },
    }),
    SagasModule.forRoot(),
  ],
  providers: [WalkSaga],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
say({ ready: true });
