import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { validateLater } from '../../contracts/validate.js';
import { problemsOf } from '../../contracts/violations.js';
import { openSecret } from '../../secrets/sealed-secret.js';
import type { SecretParts } from '../../secrets/secret-parts.js';
import type { Connection } from '../connections/connection.js';
import { nameOfSecret, ownerOf } from '../connections/connection-secrets.js';
import type { FoundConnector, Problem } from '../definition/connector.js';
import { isUrl } from '../definition/definition-checks.js';

/** A connection with what is needed to use it. Its secrets are in memory only. */
export interface OpenedConnection {
  readonly connection: Connection;
  readonly connector: FoundConnector;
  /** As the schema of the connector makes it. As it is stored, if it does not fit. */
  readonly config: unknown;
  /** The base URL of the connection. Empty, if its config makes none. */
  readonly baseUrl: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** It grows with each secret that is stored. */
  readonly secretsVersion: number;
  /** Why it cannot be used, as far as its config says it. */
  readonly problems: readonly Problem[];
}

/** Opens the secrets of a connection, and looks whether its config still fits. */
export async function openConnection(
  connection: Connection,
  connector: FoundConnector,
  parts: SecretParts,
): Promise<OpenedConnection> {
  const { secrets, version: secretsVersion } = await openSecrets(connection, parts);
  const { value: config, problems } = await fitted(connector.config, connection.config, 'config');
  const baseUrl = problems.length > 0 ? undefined : baseUrlOf(connector, config);
  return {
    connection,
    connector,
    config,
    baseUrl: baseUrl ?? '',
    secrets,
    secretsVersion,
    problems:
      baseUrl === undefined && problems.length === 0
        ? [{ path: 'config', message: 'http.baseUrl of the connector makes no URL of it' }]
        : problems,
  };
}

/** The secrets of a connection that its connector names. */
export async function openSecrets(
  connection: Pick<Connection, 'id' | 'tenantId'>,
  { secrets: store, keys }: SecretParts,
): Promise<{ readonly secrets: Record<string, string>; readonly version: number }> {
  const secrets: Record<string, string> = {};
  let version = 0;
  for (const row of await store.valid(ownerOf(connection))) {
    const name = nameOfSecret(row);
    // The latest version comes first.
    if (name === undefined || Object.hasOwn(secrets, name)) continue;
    secrets[name] = await openSecret(row, keys);
    version += row.version;
  }
  return { secrets, version };
}

/** A value as its schema makes it, or what is wrong with it. Without a schema anything fits. */
export async function fitted(
  schema: EventSchema | undefined,
  value: unknown,
  place: string,
): Promise<{ readonly value: unknown; readonly problems: readonly Problem[] }> {
  if (schema === undefined) return { value, problems: [] };
  const verdict = await validateLater(schema, value);
  if (verdict.issues === undefined) return { value: verdict.value, problems: [] };
  const problems = problemsOf(schema, verdict.issues, place);
  return { value, problems: problems.map(({ path, reason: message }) => ({ path, message })) };
}

function baseUrlOf({ http: { baseUrl } }: FoundConnector, config: unknown): string | undefined {
  if (typeof baseUrl === 'string') return baseUrl;
  try {
    const made: unknown = baseUrl(config as never);
    return isUrl(made) ? String(made) : undefined;
  } catch {
    return undefined;
  }
}
