export type { KeyUse } from './data-key.store.js';
export { SECRET_ERROR_CODES } from './error-codes.js';
export { type KeyList, KeyRotation, type KeysRotated, type Resealed } from './key-rotation.js';
export type { SealedAs } from './sealing.js';
export { type OpenedSecret, SecretService, type SecretView } from './secret.service.js';
export type { SecretName, SecretOwner } from './secret.store.js';
export { type SecretKeys, staticKeys } from './secret-keys.js';
export { SecretsModule, type SecretsModuleOptions } from './secrets.module.js';
