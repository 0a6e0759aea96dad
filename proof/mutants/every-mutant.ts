import { callMutants } from './call-mutants.js';
import { clientMutants } from './client-mutants.js';
import { connectorHttpMutants } from './connector-http-mutants.js';
import { connectorMutants } from './connector-mutants.js';
import { connectorSyncMutants } from './connector-sync-mutants.js';
import { contractMutants } from './contract-mutants.js';
import { foundationMutants } from './foundation-mutants.js';
import { laneMutants } from './lane-mutants.js';
import { playMutants } from './play-mutants.js';
import { readingMutants } from './reading-mutants.js';
import { relayMutants } from './relay-mutants.js';
import { sagaMutants } from './saga-mutants.js';
import { scheduleMutants } from './schedule-mutants.js';
import { senderMutants } from './sender-mutants.js';
import { specMutants } from './spec-mutants.js';
import { webhookMutants } from './webhook-mutants.js';

/** Wrong turns in the source, by what `--only` calls them. Each is caught by a test. */
export const MUTANTS_OF_SOURCE = {
  plays: playMutants,
  specs: [
    ...specMutants,
    ...readingMutants,
    ...clientMutants,
    ...foundationMutants,
    ...laneMutants,
    ...senderMutants,
    ...webhookMutants,
    ...contractMutants,
    ...relayMutants,
    ...sagaMutants,
    ...callMutants,
    ...scheduleMutants,
    ...connectorHttpMutants,
    ...connectorMutants,
    ...connectorSyncMutants,
  ],
} as const;
