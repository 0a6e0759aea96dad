import { createHash, randomBytes } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { demoApplication } from './application.js';
import { type DemoBroker, openBroker } from './broker.js';
import type { Closing } from './closing.js';
import { openDatabase } from './database.js';
import { type DeliveryInput, readDeliveries } from './deliveries-input.js';
import { addDestinations, type Destination, networkOf, startReceivers } from './destinations.js';
import { Ledger } from './ledger.store.js';
import { migrate } from './migrate.js';
import type { DemoOptions } from './options.js';
import { PaymentProvider } from './orders/payment-provider.js';
import { MANNERS } from './orders/play-orders.js';
import { Receiver } from './receiver.js';
import { planRefusals, type RefusalPlan } from './refusals.js';
import { done, line } from './screen.js';
import { Sender } from './sender.js';
import { Stopwatch, watchCommits, watchHandlers } from './stopwatch.js';
import { Workers } from './workers.js';

/** How many consumers the application's modules register, the router of webhooks included, and the relay if there is a broker. */
export function consumersAtWork({ broker }: Pick<Stage, 'broker'>): number {
  return broker === undefined ? 7 : 8;
}

/** Everything that takes part in a run. */
export interface Stage {
  options: DemoOptions;
  signal: AbortSignal;
  deliveries: readonly DeliveryInput[];
  plan: RefusalPlan;
  ledger: Ledger;
  receiver: Receiver;
  /** Where webhooks go to. */
  destinations: readonly Destination[];
  /** Where activities are relayed to, if there is such a server. */
  broker: DemoBroker | undefined;
  /** Where orders are paid. */
  payments: PaymentProvider;
  /** The environment of every process of the run. */
  environment: Record<string, string>;
  closing: Closing;
  stopwatch: Stopwatch;
  app: INestApplicationContext;
  appUrl: string;
  sender: Sender;
  workers: Workers;
}

/**
 * Starts everything, the database first. Whatever was started is given to `closing`, also when a later step fails. The receiver
 * follows `given`, where there is such a plan.
 */
export async function setStage(
  options: DemoOptions,
  signal: AbortSignal,
  closing: Closing,
  given?: RefusalPlan,
): Promise<Stage> {
  const deliveries = readDeliveries(options.repeat);
  const plan = given ?? planRefusals(deliveries, options.repeat, options.seed);

  const started = performance.now();
  const database = await openDatabase();
  closing.add(() => database.close());
  await migrate(database.url);
  const ledger = new Ledger(database.url);
  closing.add(() => ledger.close());
  await ledger.start();
  done(`Migrated ${database.description}`, performance.now() - started);

  const booted = performance.now();
  const receiver = new Receiver(plan);
  await receiver.start();
  closing.add(() => receiver.stop());
  if (options.serve) receiver.digestMs = SLOW_DIGEST_MS;

  const webhookReceivers = await startReceivers(closing);
  const broker = await openBroker(options);
  if (broker !== undefined) closing.add(() => broker.close());

  const payments = new PaymentProvider(MANNERS);
  await payments.start();
  closing.add(() => payments.stop());

  const stopwatch = new Stopwatch();
  const secret = randomBytes(20).toString('hex');
  const environment = {
    ...environmentOf(options, database.url, receiver.url),
    ...networkOf([...[...webhookReceivers.values()].map(({ url }) => url), payments.url]),
    PAYMENTS_URL: payments.url,
    ...(broker && { NATS_URL: broker.url }),
    GITHUB_WEBHOOK_SECRET: secret,
  };
  const { app, appUrl } = await boot(environment, stopwatch, closing, options);
  const destinations = await addDestinations(app, webhookReceivers);
  const workers = new Workers(environment, stopwatch);
  closing.add(() => workers.stop());
  await workers.start(options.processes);
  const where = options.processes > 0 ? `, and ${options.processes} worker processes` : '';
  done(`The application listens on ${appUrl}${where}`, performance.now() - booted);
  line(broker ? `It relays to NATS at ${broker.url}` : 'It relays nothing: there is no nats-server');

  const sender = new Sender(appUrl, secret, signal);
  return {
    options,
    signal,
    deliveries,
    plan,
    ledger,
    receiver,
    destinations,
    broker,
    payments,
    environment,
    closing,
    stopwatch,
    app,
    appUrl,
    sender,
    workers,
  };
}

/** Retries come soon, so that the run is short. */
const QUICK = {
  SUMMARY_INTERVAL_MS: '1000',
  INTEGRATION_OUTBOX_RETRY_BASE_DELAY_MS: '100',
  INTEGRATION_WEBHOOKS_OUTGOING_RETRY_SCHEDULE: Array(30).fill('250ms').join(','),
};
/** Failures last long enough to be looked at. Workers have the admin API's consumers too. */
const SERVED = {
  SUMMARY_INTERVAL_MS: '5000',
  INTEGRATION_OUTBOX_RETRY_BASE_DELAY_MS: '1500',
  INTEGRATION_WEBHOOKS_OUTGOING_RETRY_SCHEDULE: '2s,5s,10s,30s,1m,5m',
  DEMO_SERVES: 'yes',
};
const SLOW_DIGEST_MS = 4_000;

/** Configures the application as its operator would: through the environment. */
function environmentOf(
  options: DemoOptions,
  databaseUrl: string,
  receiverUrl: string,
): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    NOTIFICATIONS_URL: receiverUrl,
    INTEGRATION_KEYS: process.env.INTEGRATION_KEYS ?? keyFor(databaseUrl),
    PORT: String(options.port),
    PROCESS_ROLE: options.processes > 0 ? 'publisher' : 'all',
    ...(options.serve ? SERVED : QUICK),
  };
}

/** The same for the same database, so that a second run can open what the first one has sealed. */
function keyFor(databaseUrl: string): string {
  return `demo=${createHash('sha256').update(databaseUrl).digest('base64')}`;
}

async function boot(
  environment: Record<string, string>,
  stopwatch: Stopwatch,
  closing: Closing,
  { serve, port }: DemoOptions,
) {
  Object.assign(process.env, environment);
  const app = await demoApplication({ logger: serve ? ['error'] : ['error', 'warn'], abortOnError: false });
  closing.add(() => app.close());
  watchHandlers(app, stopwatch.started);
  watchCommits(app, stopwatch.committed);
  await app.listen(port, '127.0.0.1');
  const address = app.getHttpServer().address() as { port: number };
  return { app, appUrl: `http://127.0.0.1:${address.port}` };
}
