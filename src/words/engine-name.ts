/** The name of an application's engine that was given none. */
export const DEFAULT_ENGINE = 'default';

const NAME = /^[a-z][a-z0-9_]{0,47}$/;

/** Whose database something belongs to. */
export interface OfEngine {
  readonly engine: string;
}

/** What is wrong with the name that the host gave to an engine, one sentence each. */
export function problemsOfEngineName(name: unknown): string[] {
  if (typeof name === 'string' && NAME.test(name)) return [];
  const given = typeof name === 'string' ? JSON.stringify(name) : String(name);
  return [
    `name must be a lower-case letter and then lower-case letters, digits and underscores, at most 48 in all, not ${given}`,
  ];
}

/**
 * What stands before the names of an engine's environment variables: `BILLING_`. It is empty for the engine
 * without a name. No engine reads the variables of another one.
 */
export function variablePrefixOf(engine: string): string {
  return engine === DEFAULT_ENGINE ? '' : `${engine.toUpperCase()}_`;
}

/** What stands before an engine's paths in `@nestjs/config`: `billing.`, or nothing. */
export function configPrefixOf(engine: string): string {
  return engine === DEFAULT_ENGINE ? '' : `${engine}.`;
}
