// Compiled by the type check, never run: what the compiler accepts and refuses of sagas.
import type { DomainEvent, EventOf } from 'nestjs-integration';
import {
  Saga,
  type SagaContext,
  SagaStart,
  SagaStep,
  type SagasService,
  SagaTimeout,
} from 'nestjs-integration/sagas';

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'typed.trial.begun': { days: number };
  }
}

declare const sagas: SagasService;

interface State {
  left: number;
}

@Saga({
  name: 'trial',
  steps: ['asked'],
  version: 2,
  upcast: { 1: (state: { days: number }) => ({ left: state.days }) },
})
export class TrialSaga {
  @SagaStart('typed.trial.begun', { key: (event) => `${event.aggregateId}/${event.payload.days}` })
  async begun(event: EventOf<'typed.trial.begun'>, saga: SagaContext<State>): Promise<void> {
    saga.state = { left: event.payload.days };
    // @ts-expect-error a text is no number
    saga.state = { left: 'seven' };
    await saga.publish({
      eventName: 'typed.trial.begun',
      sourceModule: 'trials',
      aggregateType: 'trial',
      aggregateId: '1',
      // @ts-expect-error the payload of a declared name is compared
      payload: { days: 'seven' },
    });
    await saga.timeout('end', { afterMs: 1 });
    await saga.timeout('end', { at: new Date() });
    // @ts-expect-error one of both
    await saga.timeout('end', { afterMs: 1, at: new Date() });
  }

  // An undeclared name: the handler says which payload it expects.
  @SagaStep(['trial.extended', 'trial.cut'], {
    key: (event: DomainEvent<{ trial: string }>) => event.payload.trial,
    in: 'asked',
    otherwise: 'skip',
  })
  extended(event: DomainEvent<{ trial: string }>, saga: SagaContext<State>): void {
    saga.logger.log(event.payload.trial);
  }

  // @ts-expect-error the handler of a declared name takes its payload
  @SagaStep('typed.trial.begun', { key: (event) => event.aggregateId })
  wrong(_event: DomainEvent<{ days: string }>, _saga: SagaContext<State>): void {}

  // @ts-expect-error there is no such policy
  @SagaStep('trial.late', { key: (event) => event.aggregateId, otherwise: 'never' })
  late(): void {}

  @SagaTimeout('end')
  async ended(saga: SagaContext<State>): Promise<void> {
    await saga.undo('it is over');
  }
}

export async function looking(): Promise<void> {
  await sagas.end('trial', '1', { outcome: 'undone', by: 'ann' });
  // @ts-expect-error no saga ends as active
  await sagas.end('trial', '1', { outcome: 'active' });
  const { sagas: found, next } = await sagas.list({ status: 'active' }, { limit: 10 });
  await sagas.list({}, { after: next ?? undefined });
  for (const { step, changedAt } of found) step.concat(changedAt.toISOString());
}
