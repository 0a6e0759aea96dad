// A publishing process: writers that take turns on rows of the host and publish in the same transaction.
import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IntegrationDeveloperApiService, IntegrationModule } from 'nestjs-integration';
import { WriterJournal } from '../harness/journal.js';
import { answerRequests, setupOf, tell, usage } from './child.js';
import { createHostClient } from './host-client.js';
import { Load } from './load.js';
import type { PlannedEvent, PublisherSetup } from './protocol.js';
import { writeThing } from './writing.js';

const setup = setupOf<PublisherSetup>();
const journal = new WriterJournal(setup.folder, setup.name);
const host = createHostClient(setup.databaseUrl, setup.hostConnections);

class PublisherModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      role: 'publisher',
      settings: setup.settings,
    }),
  ],
})(PublisherModule);

const app = await NestFactory.createApplicationContext(PublisherModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
const api = app.get(IntegrationDeveloperApiService);
const load = new Load(api, journal, setup);

/** In the order given, a transaction for each run of one aggregate. */
async function publish(events: readonly PlannedEvent[]): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 0; from < events.length; ) {
    const first = events[from];
    let to = from;
    while (to < events.length && events[to]?.aggregate === first?.aggregate) to++;
    const planned = events.slice(from, to).map((event) => ({ ...event, id: randomUUID() }));
    await writeThing(api, journal, first?.aggregate ?? '', planned);
    ids.push(...planned.map(({ id }) => id));
    from = to;
  }
  return ids;
}

answerRequests(async (request) => {
  switch (request.kind) {
    case 'run':
      return load.start(request.rate, request.events);
    case 'finished':
      return load.finished;
    case 'halt':
      return load.halt();
    case 'publish':
      return publish(request.events);
    case 'exhaust':
      return host.exhaust(request.ms);
    case 'usage':
      return usage();
    case 'stats':
      throw new Error('a publisher delivers nothing');
  }
});
process.on('SIGTERM', () => {
  load
    .halt()
    .then(() => app.close())
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
