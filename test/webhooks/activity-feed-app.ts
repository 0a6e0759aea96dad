import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { INestApplication, NestApplicationOptions } from '@nestjs/common';
import { sign } from '@octokit/webhooks-methods';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { requestBytes } from './raw-http.js';
import { SECRET } from './webhook-app.js';

/** The compiler must not follow this import: the example types events of its own. */
const APPLICATION: string = '../../examples/activity-feed/src/application.js';

/** A payload of GitHub, with the signature that belongs to it. */
export interface Payload {
  readonly id: string;
  readonly event: string;
  readonly text: string;
  readonly signature: string;
}

/** The example application, which takes in webhooks of GitHub, on a database of its own. */
export interface ActivityFeed {
  readonly database: TestDatabase;
  readonly port: number;
  /** Every example that GitHub publishes. */
  readonly payloads: readonly Payload[];
  close(): Promise<void>;
}

export async function startActivityFeed(): Promise<ActivityFeed> {
  const database = await createTestDatabase();
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    NOTIFICATIONS_URL: 'http://127.0.0.1:9',
    GITHUB_WEBHOOK_SECRET: SECRET,
    INTEGRATION_KEYS: `test=${randomBytes(32).toString('base64')}`,
    PROCESS_ROLE: 'publisher',
  });
  const { createApplication } = (await import(APPLICATION)) as {
    createApplication(options: NestApplicationOptions): Promise<INestApplication>;
  };
  const app = await createApplication({ logger: false, abortOnError: false });
  // A busy process would close a connection for being idle although a request has come.
  app.getHttpServer().keepAliveTimeout = 0;
  await app.listen(0, '127.0.0.1');
  return {
    database,
    port: (app.getHttpServer().address() as AddressInfo).port,
    payloads: await signedPayloads(),
    close: async () => {
      await app.close();
      await database.drop();
    },
  };
}

async function signedPayloads(): Promise<Payload[]> {
  const collected = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
    name: string;
    examples: object[];
  }[];
  const all = collected.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })));
  return Promise.all(
    all.map(async ({ name, body }, place) => {
      const text = JSON.stringify(body);
      const id = `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`;
      return { id, event: name, text, signature: await sign(SECRET, text) };
    }),
  );
}

/** The bytes of a request with this body. */
export function wire({ id, event }: Payload, body: Buffer, signature: string): Buffer {
  const headers: [string, string][] = [
    ['Host', '127.0.0.1'],
    ['Content-Type', 'application/json'],
    ['X-GitHub-Event', event],
    ['X-GitHub-Delivery', id],
    ['X-Hub-Signature-256', signature],
    ['Content-Length', String(body.length)],
  ];
  return requestBytes('POST /webhooks/github HTTP/1.1', headers, body);
}
