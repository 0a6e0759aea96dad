const KIND = Symbol.for('nestjs-integration:connector-value:1');

/** A value that is not known when the class is loaded. */
interface Deferred {
  readonly [KIND]: 'config' | 'secret';
  readonly name: string;
}

/** A variable of the application. */
export interface FromConfig extends Deferred {
  readonly [KIND]: 'config';
}

/** A secret of the connection. */
export interface FromSecret extends Deferred {
  readonly [KIND]: 'secret';
}

/** A text, or the variable that has it. */
export type Configured = string | FromConfig;

/**
 * The value of a variable, which `ConfigService` or the environment has when the application boots. The boot
 * fails if it has none. The option `env` of the connector says what the variable is for, and where to get it.
 */
export function fromConfig(name: string): FromConfig {
  return { [KIND]: 'config', name };
}

/** A secret that each connection has for itself, by its name in the option `secrets`. */
export function fromSecret(name: string): FromSecret {
  return { [KIND]: 'secret', name };
}

export function isFromConfig(value: unknown): value is FromConfig {
  return Object(value)[KIND] === 'config';
}

export function isFromSecret(value: unknown): value is FromSecret {
  return Object(value)[KIND] === 'secret';
}
