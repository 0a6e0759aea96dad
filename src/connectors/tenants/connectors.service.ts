import { Injectable } from '@nestjs/common';
import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../../audit/change-author.js';
import { AbortGroups } from '../../http/abort-groups.js';
import { withinTime } from '../../http/within-time.js';
import { checkNames } from '../../words/argument-checks.js';
import { suggestionFor } from '../../words/known-names.js';
import type { Connection } from '../connections/connection.js';
import { noteDenied } from '../connections/connection-changes.js';
import { fitted } from '../credentials/opened-connection.js';
import type { FoundAction, FoundConnector } from '../definition/connector.js';
import { needsConsent } from '../definition/connector-auth.js';
import {
  invalidAction,
  missingScopes,
  notAllowed,
  timedOutAction,
  unknownAction,
  unknownConnection,
} from '../definition/connector-errors.js';
import { type ActionProgress, contextOf } from './connection-context.js';
import { checkTenant } from './connections.service.js';
import { TenantPartsProvider } from './tenant-parts-provider.js';
import { usable } from './usable-connection.js';

const DEFAULT_TIMEOUT_MS = 30_000;
const OPTIONS = ['connectionId', 'tenantId', 'signal', 'onProgress', ...AUTHOR_FIELDS] as const;

export interface RunAction extends ChangeAuthor {
  connectionId: string;
  /** '' for an application without tenants. */
  tenantId: string;
  /** Ends the action when nobody wants its answer any more. */
  signal?: AbortSignal | undefined;
  /** Hears how far the action has come, each time that it says so by `progress` of its context. */
  onProgress?: ((now: ActionProgress) => void) | undefined;
}

/** Runs what connectors can do. */
@Injectable()
export class ConnectorsService {
  private readonly signals = new AbortGroups();

  constructor(private readonly provider: TenantPartsProvider) {}

  /**
   * Runs an action of a connector through a connection. Input and output are what their schemas make of them.
   * An action that the connection may not do is refused, and that stands in the audit.
   *
   * @param connector the key of the connector, or its class
   * @throws IntegrationError INTEGRATION_CONNECTOR_UNKNOWN, also for an action that it does not have;
   * INTEGRATION_CONNECTION_UNKNOWN, _STATE, _INVALID; INTEGRATION_CONNECTION_NOT_ALLOWED;
   * INTEGRATION_ACTION_INVALID with the problems of input or output (`details.problems`);
   * INTEGRATION_ACTION_TIMEOUT; and what the action throws
   */
  async run<Output = unknown>(
    connector: unknown,
    action: string,
    input: unknown,
    given: RunAction,
  ): Promise<Output> {
    checkNames('an option of run', given, OPTIONS);
    const { connectionId, tenantId, signal, onProgress, ...by } = given;
    checkTenant(tenantId);
    const author = authorOf(by);
    const { parts } = this.provider;
    const found = parts.registry.of(connector);
    const run = found.actions.get(action);
    if (run === undefined)
      throw unknownAction(found.key, action, suggestionFor(String(action), [...found.actions.keys()]));
    const opened = await usable(tenantId, connectionId, parts);
    const { connection } = opened;
    if (connection.connector !== found.key) throw unknownConnection(connectionId);
    if (connection.actions !== null && !connection.actions.includes(action)) {
      await noteDenied(parts.db, author, connection, action);
      throw notAllowed(connection.id, action);
    }
    refuseMissingScopes(connection, found, run);
    const checked = await fitted(run.input, input, 'input');
    if (checked.problems.length > 0) throw invalidAction(run.place, 'input', checked.problems);
    parts.use.used(connection);
    signal?.throwIfAborted();
    const { timeoutMs = DEFAULT_TIMEOUT_MS, place } = run;
    const answer = await withinTime(
      async (until) => run.run(checked.value, contextOf(opened, parts, until, { onProgress })),
      { timeoutMs, late: () => timedOutAction(place, timeoutMs), outer: signal, groups: this.signals },
    );
    const output = await fitted(run.output, answer, 'output');
    if (output.problems.length > 0) throw invalidAction(run.place, 'output', output.problems);
    return output.value as Output;
  }
}

function refuseMissingScopes(
  { id, scopes }: Connection,
  { auth }: FoundConnector,
  { name, scopes: needed = [] }: FoundAction,
): void {
  if (!needsConsent(auth)) return;
  const missing = needed.filter((scope) => !scopes.includes(scope));
  if (missing.length > 0) throw missingScopes(id, name, missing);
}
