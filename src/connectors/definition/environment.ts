import type { ConfigurationReader } from '../../settings/settings-resolution.js';
import type { FoundConnector } from './connector.js';
import { isFromConfig, isFromSecret } from './from-config.js';

/** The values of variables, as they were when the application booted. */
export type Variables = ReadonlyMap<string, string>;

/** The variables that have values, and what is said of those that have none, one sentence each. */
export interface FoundVariables {
  readonly values: Variables;
  readonly problems: readonly string[];
}

/**
 * Reads the variables of all connectors. `ConfigService` is asked first, because it may know a .env file that
 * the process has not loaded.
 */
export function readVariables(
  connectors: Iterable<FoundConnector>,
  config: ConfigurationReader | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): FoundVariables {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const { place, env = [], auth } of connectors) {
    const described = new Map(env.map((each) => [each.name, each]));
    for (const name of new Set([...described.keys(), ...variablesOf(auth.options)])) {
      const value = textFrom(config?.get(name)) ?? textFrom(environment[name]);
      if (value !== undefined) {
        values.set(name, value);
        continue;
      }
      const { purpose, where } = described.get(name) ?? {};
      const about =
        purpose === undefined
          ? 'Describe it in env of the connector, so that this says where to get it'
          : `It is for: ${purpose}. Where to get it: ${where}`;
      problems.push(`${place}: the variable ${name} has no value. ${about}`);
    }
  }
  return { values, problems };
}

/** An empty value is none. */
function textFrom(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** The names of the variables that options refer to. */
export function variablesOf(options: object): string[] {
  return Object.values(options).flatMap((value) => (isFromConfig(value) ? value.name : []));
}

/** The names of the secrets of connections that options refer to. */
export function secretsIn(options: object): string[] {
  return Object.values(options).flatMap((value) => (isFromSecret(value) ? value.name : []));
}
