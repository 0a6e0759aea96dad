export type { EventSchema } from '../contracts/schemas/event-schema.js';
export { SAGA_ERROR_CODES } from './error-codes.js';
export { Saga, SagaStart, SagaStep, SagaTimeout } from './saga.decorators.js';
export { SagaContext, type TimeoutAt } from './saga-context.js';
export type {
  ListedSaga,
  SagaFilter,
  SagaHistoryEntry,
  SagaInstance,
  SagaOutcome,
  SagaPage,
  SagaPageRequest,
  SagaStatus,
  SagaStepCount,
  SagaSteps,
  SagaTimeoutState,
  SagaTransition,
  WaitingEvent,
} from './saga-instance.js';
export type { Otherwise, SagaOptions, SagaStartOptions, SagaStepOptions } from './saga-options.js';
export { type SagaSettings, sagaSettings } from './saga-settings.js';
export { SagasModule } from './sagas.module.js';
export { type EndSagaOptions, SagasService } from './sagas.service.js';
