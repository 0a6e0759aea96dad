import { randomUUID } from 'node:crypto';
import { AUTHOR_FIELDS, type ChangeAuthor } from '../../audit/change-author.js';
import { checkValue } from '../../secrets/secret-checks.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';
import { nearestName } from '../../words/known-names.js';
import { problemOfText } from '../../words/text.js';
import type { FoundConnector } from '../definition/connector.js';

export interface CreateConnection extends ChangeAuthor {
  /** The key of the connector, or its class. */
  connector: unknown;
  name: string;
  config?: unknown;
  secrets?: Readonly<Record<string, string>> | undefined;
  /** The actions that it may do. Default: all of its connector. */
  actions?: readonly string[] | undefined;
}

export interface UpdateConnection extends ChangeAuthor {
  name?: string | undefined;
  config?: unknown;
  /** Only those that are to change. */
  secrets?: Readonly<Record<string, string>> | undefined;
  /** Null for all. */
  actions?: readonly string[] | null | undefined;
}

export interface RotateConnectionSecret extends ChangeAuthor {
  /** The name in the schema `secrets` of the connector. */
  name: string;
  value: string;
}

export interface AuthorizeConnection extends ChangeAuthor {
  /** One of the option `redirectUrls` of the module. */
  redirectUrl: string;
  /** Default: all that the connector asks for. */
  scopes?: readonly string[] | undefined;
}

export function checkCreate(given: CreateConnection): void {
  checkNames('a field of a connection', given, [
    'connector',
    'name',
    'config',
    'secrets',
    'actions',
    ...AUTHOR_FIELDS,
  ]);
  checkConnectionName(given.name);
  checkConfig(given.config);
  checkSecrets(given.secrets);
}

export function checkUpdate(given: UpdateConnection): void {
  checkNames('a field of a connection', given, ['name', 'config', 'secrets', 'actions', ...AUTHOR_FIELDS]);
  if (given.name !== undefined) checkConnectionName(given.name);
  checkConfig(given.config);
  checkSecrets(given.secrets);
}

function checkConnectionName(name: unknown): void {
  const problem = problemOfText(name, 255);
  if (problem !== undefined) throw invalidArgument(`name ${problem}`, { field: 'name' });
}

/** The config is stored as JSON, and is refused where JSON would make something else of it. */
function checkConfig(config: unknown): void {
  if (config === undefined) return;
  try {
    if (JSON.stringify(config) !== undefined) return;
  } catch {
    // It refers to itself, or has a bigint.
  }
  throw invalidArgument('config must be what JSON can hold', { field: 'config' });
}

/** The messages do not contain the values. */
function checkSecrets(secrets: unknown): void {
  if (secrets === undefined) return;
  if (typeof secrets !== 'object' || secrets === null || Array.isArray(secrets))
    throw invalidArgument('secrets must be an object of texts', { field: 'secrets' });
  for (const [name, value] of Object.entries(secrets)) checkSecret(name, value);
}

export function checkSecret(name: unknown, value: unknown): void {
  const problem = problemOfText(name, 100);
  if (problem !== undefined) throw invalidArgument(`The name of a secret ${problem}`, { field: 'secrets' });
  checkValue(value);
}

/** Null for all actions. */
export function checkedActions(
  given: readonly string[] | null | undefined,
  { actions, key }: FoundConnector,
): readonly string[] | null {
  if (given === undefined || given === null) return null;
  if (!Array.isArray(given)) throw invalidArgument('actions must be a list', { field: 'actions' });
  const known = [...actions.keys()];
  for (const name of given) {
    if (known.includes(name)) continue;
    const near = typeof name === 'string' ? nearestName(name, known) : undefined;
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    throw invalidArgument(`The connector ${key} has no action ${JSON.stringify(name)}${hint}`, {
      field: 'actions',
    });
  }
  return [...new Set<string>(given)];
}

/** An id of a key. It is no secret: it says under which key something was done. */
export function newKeyId(): string {
  return `ck_${randomUUID().replaceAll('-', '')}`;
}
