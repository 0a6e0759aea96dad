import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { jwksSource, VerifiedWebhook } from 'nestjs-integration/webhooks';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { ec, token } from './signed-requests.js';
import { PLATFORMS, startWebhookApp } from './webhook-app.js';

@Controller('own')
class OwnController {
  @Post()
  @VerifiedWebhook('push')
  take(): object {
    return {};
  }
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it.each(PLATFORMS)(
  'a delivery whose key was just published is answered 503, so that it is sent again (%s)',
  async (platform) => {
    const published = { keys: [{ ...ec.publicKey.export({ format: 'jwk' }), kid: 'k1' }] };
    const server = createServer((_, response) => response.end(JSON.stringify(published)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const keys = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const source = jwksSource({ key: 'push', token: { keys }, deliveryId: () => undefined, type: () => 'x' });
    const app = await startWebhookApp(database, {
      platform,
      webhooks: { incoming: { sources: [source] } },
      module: { controllers: [OwnController] },
      create: { rawBody: true },
    });
    try {
      const signedBy = (kid: string) => ({
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${token({ exp: Date.now() / 1_000 + 600 }, { alg: 'ES256', kid })}`,
        },
        body: '{}',
      });
      expect(await app.send('/webhooks/push', signedBy('k1'))).toMatchObject({ status: 200 });
      for (const path of ['/webhooks/push', '/own']) {
        const { status, headers, json } = await app.send(path, signedBy('k2'));
        expect([path, status, headers.get('retry-after'), json.message]).toEqual([
          path,
          503,
          '30',
          expect.stringContaining('Send it again'),
        ]);
      }
    } finally {
      await app.close();
      server.close();
    }
  },
);
