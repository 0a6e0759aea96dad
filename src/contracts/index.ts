export type { AsyncApiDocument, AsyncApiOptions } from './async-api.js';
export type { ContractFinding } from './contract-review.js';
export { ContractsModule } from './contracts.module.js';
export { ContractsService } from './contracts.service.js';
export type { ContractsOptions } from './contracts-options.js';
export { CONTRACT_ERROR_CODES } from './error-codes.js';
export {
  type AnyEventContract,
  defineEvent,
  EventContract,
  isEventContract,
  type PayloadOfContract,
} from './event-contract.js';
export type { KeptContract } from './event-contract.store.js';
export type {
  Direction,
  EventDefinition,
  Severity,
  Upcaster,
  Visibility,
  WebhookShape,
} from './event-definition.js';
export { type ClassSchemaOptions, classSchema } from './schemas/classes/class-schema.js';
export type { EventSchema, InferInput, InferOutput, JsonSchema } from './schemas/event-schema.js';
export { jsonSchema } from './schemas/json-schema.js';
