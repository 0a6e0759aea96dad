import { checkNames } from '../words/argument-checks.js';
import type { TestedApplication } from './application.js';

export interface RunConnectionsOptions {
  /** Milliseconds. Default: 10,000. */
  timeoutMs?: number | undefined;
}

/**
 * Does everything that is due for connections: subscribing webhooks at other systems, and health checks whose
 * time has come. It works whether the processor of the application is enabled or not.
 *
 * @returns how many things were done
 * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if it takes too long, or another process does this work
 */
export async function runConnections(
  app: TestedApplication,
  options: RunConnectionsOptions = {},
): Promise<number> {
  checkNames('an option of runConnections', options, ['timeoutMs']);
  // An application without connectors loads nothing of them.
  const { ConnectorsStart } = await import('../connectors/connectors-start.js');
  return app.get(ConnectorsStart, { strict: false }).runDue(options);
}
