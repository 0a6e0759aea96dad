// An application with consumers, the admin API on a port of its own, and telemetry as it is asked for.
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventSubscriberRegistry, IntegrationModule, IntegrationSettingsService } from 'nestjs-integration';
import { answerRequests, setupOf, tell } from '../../processes/child.js';
import { createHostClient } from '../../processes/host-client.js';
import type { ApplicationRequest, ApplicationSetup } from './application-protocol.js';
import { HandledCount, subscribe } from './consumers.js';
import { publishEvents } from './publishing.js';
import { registerSdk } from './sdk.js';

const HOST_CONNECTIONS = 12;

const setup = setupOf<ApplicationSetup & { folder: string; name: string }>();
const host = createHostClient(setup.databaseUrl, HOST_CONNECTIONS);
const handled = new HandledCount();
// An earlier version of the package has no such class.
const kept =
  setup.keepsDurations === true ? new (await import('nestjs-integration')).IntegrationMetrics() : undefined;
if (setup.sampled !== undefined)
  registerSdk(
    setup.sampled,
    setup.writesSpans === true ? openSync(spansFile(), 'a') : undefined,
    kept === undefined ? [] : [kept],
  );

class Subscribers {
  constructor(private readonly registry: EventSubscriberRegistry) {}

  onModuleInit(): void {
    for (const consumer of setup.consumers ?? []) subscribe(this.registry, consumer, handled);
  }
}

class ApplicationModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      role: setup.role,
      // The harness has migrated, and an earlier version would refuse the tables of a later one.
      migrations: 'off',
      settings: setup.settings ?? {},
      ...(setup.telemetry === undefined
        ? {}
        : { telemetry: { ...setup.telemetry, ...(kept === undefined ? {} : { metrics: kept }) } }),
    }),
    ...(await adminModules()),
  ],
  providers: [
    {
      provide: Subscribers,
      inject: [EventSubscriberRegistry],
      useFactory: (registry: EventSubscriberRegistry) => new Subscribers(registry),
    },
  ],
})(ApplicationModule);

const app: INestApplication = await NestFactory.create(ApplicationModule, {
  logger: ['log', 'warn', 'error'],
  abortOnError: false,
});
await app.listen(0, '127.0.0.1');
const url = `${await app.getUrl()}/ops`;

/** An earlier version of the package has no admin API. */
async function adminModules(): Promise<DynamicModule[]> {
  if (setup.admin !== true) return [];
  const { IntegrationAdminModule } = await import('nestjs-integration/admin');
  return [IntegrationAdminModule.forRoot({ path: 'ops', access: 'open', actor: () => 'proof' })];
}

function spansFile(): string {
  return join(setup.folder, `${setup.name}.spans`);
}

async function close(): Promise<number> {
  const from = performance.now();
  await app.close();
  return performance.now() - from;
}

answerRequests<ApplicationRequest>(async (request) => {
  switch (request.kind) {
    case 'url':
      return url;
    case 'setting':
      return app.get(IntegrationSettingsService).get(request.key as 'maxAttempts');
    case 'publish-events':
      return publishEvents(app, request.events);
    case 'drained':
      return handled.drained(request.events, request.uncounted);
    case 'close':
      return close();
  }
});
process.on('SIGTERM', () => {
  close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
