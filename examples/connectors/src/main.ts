import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FakeProvider, startEmbeddedPostgres } from 'nestjs-integration/testing';
import { AppModule } from './app.module.js';
import { play, TOKEN_SECONDS } from './play.js';

/** Plays in the database at DATABASE_URL, or in one of its own that is gone afterwards. */
async function main(): Promise<boolean> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined) return playIn(given);
  console.log('There is no DATABASE_URL, so a Postgres is started for this run.');
  const server = await startEmbeddedPostgres();
  return playIn(server.url).finally(() => server.stop());
}

/** All three systems are on 127.0.0.1, and nothing leaves this machine. */
async function playIn(databaseUrl: string): Promise<boolean> {
  const issues = [
    { number: 1, title: 'The door is stuck' },
    { number: 2, title: 'The lamp is out' },
  ];
  const employees = ['ann', 'bob', 'cleo'].map((id) => ({ id, email: `${id}@acme.example` }));
  const shows = (token: string) => ({
    accepts: ({ headers }: { headers: Readonly<Record<string, string>> }) =>
      headers.authorization === `Bearer ${token}`,
  });
  const github = await FakeProvider.start({ ...shows('pat'), lists: { '/repos/acme/shop/issues': issues } });
  const hris = await FakeProvider.start({
    oauth: { expiresInSeconds: TOKEN_SECONDS },
    lists: { '/v1/employees': employees },
  });
  const printing = await FakeProvider.start(shows('print'));
  const { authorizationEndpoint, tokenEndpoint, revocationEndpoint, clientId, clientSecret } = hris.endpoints;
  Object.assign(process.env, {
    GITHUB_URL: github.url,
    HRIS_URL: hris.url,
    HRIS_AUTHORIZE_URL: authorizationEndpoint,
    HRIS_TOKEN_URL: tokenEndpoint,
    HRIS_REVOKE_URL: revocationEndpoint,
    HRIS_CLIENT_ID: clientId,
    HRIS_CLIENT_SECRET: clientSecret,
    PRINTING_URL: printing.url,
  });
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const options = { databaseUrl, publicUrl, key: randomBytes(32), network: github.network };
  const app = await NestFactory.create(AppModule.with(options), { logger: ['error', 'fatal'] });
  try {
    await app.listen(port, '127.0.0.1');
    return await play(app, { github, hris, printing }, `${publicUrl}/callback`);
  } finally {
    await app.close();
    await Promise.all([github, hris, printing].map((each) => each.close()));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

main().then(
  (held) => {
    console.log(held ? '\nAll of it held.' : '\nNot all of it held.');
    process.exitCode = held ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
