import { callsExtension } from '../calls/calls-extension.js';
import { connectorsExtension } from '../connectors/connectors-extension.js';
import { syncsExtension } from '../connectors/syncs-extension.js';
import { contractsExtension } from '../contracts/contracts-extension.js';
import type { IntegrationExtension } from '../module/extension.js';
import { relayExtension } from '../relay/relay-extension.js';
import { sagasExtension } from '../sagas/sagas-extension.js';
import { schedulesExtension } from '../schedules/schedules-extension.js';
import { secretsExtension } from '../secrets/secrets-extension.js';
import { webhooksExtension } from '../webhooks/webhooks-extension.js';

/**
 * The parts of this package. The commands run without an application, so they cannot ask it which parts it
 * has, and know all of them.
 */
export const EXTENSIONS: readonly IntegrationExtension[] = [
  webhooksExtension,
  relayExtension,
  callsExtension,
  sagasExtension,
  schedulesExtension,
  connectorsExtension,
  syncsExtension,
  contractsExtension,
  secretsExtension(),
];
