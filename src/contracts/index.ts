export { ContractsModule } from './contracts.module.js';
export { ContractsService } from './contracts.service.js';
export type { ContractsOptions } from './contracts-options.js';
export {
  type AnyEventContract,
  defineEvent,
  EventContract,
  isEventContract,
  type PayloadOfContract,
} from './event-contract.js';
export type {
  Direction,
  EventDefinition,
  Severity,
  Upcaster,
  Visibility,
  WebhookShape,
} from './event-definition.js';
export type { EventSchema, InferInput, InferOutput, JsonSchema } from './event-schema.js';
