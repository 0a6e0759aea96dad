import { acceptWebhook } from './accept-webhook.js';
import { fairCalls, webhookToStep } from './calls.js';
import { connectorGate, connectorHttp } from './connectors.js';
import { drainOwnNames, drainScenario } from './drain.js';
import { fairWebhooks } from './fair-webhooks.js';
import { flatness } from './flatness.js';
import { growth } from './growth.js';
import { idleCost } from './idle-cost.js';
import { idleWaiting } from './idle-waiting.js';
import { latencyIdle } from './latency-idle.js';
import { latencyLoad } from './latency-load.js';
import { lookWebhooks } from './look-webhooks.js';
import { memory } from './memory.js';
import { publish } from './publish.js';
import { publishClients } from './publish-clients.js';
import { publishConcurrent } from './publish-concurrent.js';
import { publishContract } from './publish-contract.js';
import { relays } from './relays.js';
import { routeWebhooks } from './route-webhooks.js';
import { sagaFlows } from './saga-flows.js';
import { sagas } from './sagas.js';
import type { Scenario } from './scenario.js';
import { schedules, schedulesCpu } from './schedules.js';
import { sendWebhooks } from './send-webhooks.js';
import { storage } from './storage.js';
import { transactional } from './transactional.js';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  drainScenario(1),
  drainScenario(3),
  drainScenario(10),
  drainOwnNames,
  transactional,
  publish,
  publishClients,
  publishConcurrent,
  publishContract,
  acceptWebhook,
  sendWebhooks,
  routeWebhooks,
  lookWebhooks,
  fairWebhooks,
  sagas,
  sagaFlows,
  schedules,
  schedulesCpu,
  webhookToStep,
  fairCalls,
  connectorHttp,
  connectorGate,
  ...relays,
  latencyIdle,
  latencyLoad,
  flatness,
  idleCost,
  idleWaiting,
  storage,
  memory,
  ...growth,
];
