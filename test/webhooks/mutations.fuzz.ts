import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WebhookSource } from 'nestjs-integration/webhooks';
import { seededRandom } from '../support/random.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { bytesOfWire, mutated, wireOf } from './mutations.js';
import { onConnections } from './raw-http.js';
import { PUBLIC_URL, type SignedExample, signedExamples } from './signed-requests.js';
import { emptied, PLATFORMS, startWebhookApp, storedRows } from './webhook-app.js';

/** Set MUTATION_SEED to repeat a run, or to try others. */
const SEED = Number(process.env.MUTATION_SEED ?? 37);
const MUTATIONS = 20_000 / PLATFORMS.length;
/** They take ten seconds of a processor; a busy machine may have little time for them. */
const MANY_REQUESTS_MS = 300_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const nowInSeconds = () => Math.floor(Date.now() / 1_000) * 1_000;

describe.each(PLATFORMS)('on %s, signed requests of every source', (platform) => {
  it(
    `that are changed at random (seed ${SEED}) are refused, and never with 500`,
    async () => {
      await emptied(database);
      const examples = signedExamples(nowInSeconds());
      const sources: WebhookSource[] = examples.map(({ source }) => source);
      const keys = sources.map(({ key }) => key);
      const app = await startWebhookApp(database, {
        platform,
        webhooks: { publicUrl: PUBLIC_URL, incoming: { sources } },
      });
      try {
        const port = Number(new URL(app.url).port);
        const genuine = async (): Promise<string[]> => {
          const refused: string[] = [];
          // They are signed anew, because the run may take long.
          await onConnections(port, signedExamples(nowInSeconds()), async (connection, example) => {
            const { status, text } = await connection.send(bytesOfWire(wireOf(example)));
            if (status !== 200) refused.push(`${example.name}: ${status} ${text}`);
          });
          return refused;
        };
        expect(await genuine()).toEqual([]);
        const before = await storedRows(database);
        expect(before).toMatchObject({ events: examples.length, receipts: examples.length });

        const random = seededRandom(SEED + (platform === 'express' ? 0 : 1));
        const jobs = function* () {
          for (let n = 0; n < MUTATIONS; n++) {
            const place = n % examples.length;
            const example = examples[place] as SignedExample;
            const signedAt = (seconds: number) =>
              signedExamples(nowInSeconds() + seconds * 1_000)[place] as SignedExample;
            yield { n, example, ...mutated({ random, example, keys, signedAt }) };
          }
        };
        const wrong: string[] = [];
        const statuses = new Map<number, number>();
        await onConnections(port, jobs(), async (connection, { n, example, wire, kind }) => {
          const isHead = wire.method === 'HEAD';
          const sent = { last: wire.last === true, isHead };
          const { status, text } = await connection.send(bytesOfWire(wire), sent);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          // Express answers OPTIONS by itself. Only a connection that the sender ended may stay without an answer.
          const isRefused =
            wire.method === 'OPTIONS' ||
            (status >= 400 && status < 500) ||
            (status === 0 && wire.last === true) ||
            (status === 501 && wire.framing === 'own');
          if (!isRefused)
            wrong.push(`${n} ${example.name}, ${kind}, ${wire.method} ${wire.target}: ${status} ${text}`);
        });
        expect({ seed: SEED, wrong: wrong.slice(0, 20) }).toEqual({ seed: SEED, wrong: [] });
        expect(statuses.get(401)).toBeGreaterThan(MUTATIONS / 4);
        expect(await storedRows(database)).toEqual(before);
        expect(await genuine()).toEqual([]);
      } finally {
        await app.close();
      }
    },
    MANY_REQUESTS_MS,
  );
});
