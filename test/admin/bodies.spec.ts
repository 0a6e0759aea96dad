import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { RawConnection, requestBytes } from '../webhooks/raw-http.js';
import {
  type AdminApp,
  JSON_HEADERS,
  PATH,
  PLATFORMS,
  type Platform,
  startAdminApp,
  TOKEN,
} from './admin-app.js';

const LIMIT = 65_536;
const TOO_LARGE = (limit: number) => ({
  status: 413,
  code: 'INTEGRATION_ADMIN_TOO_LARGE',
  errors: [{ in: 'body', pointer: '', message: `must not have more than ${limit} bytes` }],
});
const OTHER_CODING = {
  status: 415,
  code: 'INTEGRATION_ADMIN_MEDIA_TYPE',
  errors: [{ in: 'header', pointer: '/Content-Encoding', message: 'must be left out' }],
};
/** What a body is answered that was read: there is no such consumer. */
const WAS_READ = { status: 404, code: 'INTEGRATION_CONSUMER_UNKNOWN' };

let database: TestDatabase;
let admin: AdminApp;
/** How many connections the server has taken. */
let connections = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => admin.close());
afterAll(() => database.drop());

/** Sets the limit of the application's own parser, in bytes. */
function parserOf(platform: Platform, limit: number): (app: INestApplication) => void {
  return platform === 'express'
    ? (app) => void (app as NestExpressApplication).useBodyParser('json', { limit })
    : (app) =>
        void (app as NestFastifyApplication).useBodyParser(
          'application/json',
          { bodyLimit: limit },
          (_: unknown, body: Buffer, done: (error: Error | null, value?: unknown) => void) =>
            done(null, JSON.parse(body.toString())),
        );
}

async function start(
  platform: Platform,
  setup: Parameters<typeof startAdminApp>[1] = {},
): Promise<RawConnection> {
  admin = await startAdminApp(database, { platform, ...setup });
  const server: Server = admin.app.getHttpServer();
  connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  return new RawConnection((server.address() as AddressInfo).port);
}

const COMMON: readonly [string, string][] = [
  ['host', 'localhost'],
  ['authorization', TOKEN],
  ...Object.entries(JSON_HEADERS),
];

function write(body: Buffer, headers: readonly [string, string][]): Buffer {
  return requestBytes(`POST /${PATH}/consumers/nobody/pause HTTP/1.1`, [...COMMON, ...headers], body);
}

const withLength = (body: Buffer | string, more: readonly [string, string][] = []) =>
  write(Buffer.from(body), [['content-length', String(Buffer.byteLength(body))], ...more]);

function inChunks(body: string): Buffer {
  const chunks = (body.match(/.{1,10000}/gs) ?? []).map(
    (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
  );
  return write(Buffer.from(`${chunks.join('')}0\r\n\r\n`), [['transfer-encoding', 'chunked']]);
}

const reasonOf = (length: number) => JSON.stringify({ reason: 'x'.repeat(length - '{"reason":""}'.length) });

async function answered(connection: RawConnection, bytes: Buffer): Promise<object> {
  const { status, text } = await connection.send(bytes);
  const { code, errors } = text.startsWith('{') ? JSON.parse(text) : { code: text, errors: undefined };
  return { status, code, errors };
}

/** The same connection takes another request. */
async function expectUsable(connection: RawConnection): Promise<void> {
  const next = requestBytes(`GET /${PATH}/session HTTP/1.1`, COMMON, Buffer.alloc(0));
  expect(await connection.send(next)).toMatchObject({ status: 200 });
  expect(connections).toBe(1);
}

describe.each(PLATFORMS)('on %s, a body', (platform) => {
  /** What applications do with bodies: the platform's parser, one that takes less, one that takes more, none. */
  const hosts: [string, Parameters<typeof startAdminApp>[1]][] = [
    ['the parser of the platform', {}],
    ['a parser that takes 10 MB', { prepare: parserOf(platform, 10_000_000) }],
    ...(platform === 'express' ? [['no parser', { create: { bodyParser: false } }] as [string, object]] : []),
  ];

  it.each(hosts)(
    'of more than 64 KiB is refused where there is %s, and the connection goes on',
    async (_, setup) => {
      const connection = await start(platform, setup);
      const sent = [
        withLength(reasonOf(LIMIT + 1)),
        withLength(reasonOf(3_000_000)),
        inChunks(reasonOf(LIMIT + 1)),
        inChunks(reasonOf(3_000_000)),
      ];
      for (const bytes of sent) {
        expect(await answered(connection, bytes)).toEqual(TOO_LARGE(LIMIT));
        await expectUsable(connection);
      }
      connection.close();
    },
  );

  it.each(hosts)('of 64 KiB is read where there is %s', async (_, setup) => {
    const connection = await start(platform, setup);
    for (const bytes of [`{}${' '.repeat(LIMIT - 2)}`, `{${' '.repeat(LIMIT - 2)}}`]) {
      expect(await answered(connection, withLength(bytes))).toMatchObject(WAS_READ);
      expect(await answered(connection, inChunks(bytes))).toMatchObject(WAS_READ);
    }
    // Its numbers are longer once they are written out. Only the bytes that were sent count.
    const grows = `{"reason":[${'1e20,'.repeat(5_000)}1]}`;
    expect(await answered(connection, withLength(grows))).toMatchObject({ status: 400 });
    connection.close();
  });

  it.each(hosts)(
    'that says it is too large is refused before it has come, where there is %s',
    async (_, setup) => {
      const connection = await start(platform, setup);
      const begun = write(Buffer.from('{"reason":"'), [['content-length', '50000000']]);
      expect(await answered(connection, begun)).toEqual(TOO_LARGE(LIMIT));
      connection.close();
    },
  );

  it('is refused with the limit of the parser that takes less, if that one decides', async () => {
    const connection = await start(platform, { prepare: parserOf(platform, 2_000) });
    const bytes = [withLength(reasonOf(3_000)), inChunks(reasonOf(3_000))];
    for (const each of bytes) {
      // The routes of Fastify have a limit of their own, which comes before that of a parser.
      if (platform === 'fastify') expect(await answered(connection, each)).toMatchObject({ status: 400 });
      else expect(await answered(connection, each)).toEqual(TOO_LARGE(2_000));
      await expectUsable(connection);
    }
    connection.close();
  });

  it('in a coding is read if the application undoes it, and is otherwise refused with the header', async () => {
    const connection = await start(platform);
    const gzip: [string, string][] = [['content-encoding', 'gzip']];
    const zipped = (json: string) =>
      write(gzipSync(json), [['content-length', String(gzipSync(json).length)], ...gzip]);
    const isRead = platform === 'express';
    expect(await answered(connection, zipped('{}'))).toMatchObject(isRead ? WAS_READ : OTHER_CODING);
    // A few bytes may become many.
    expect(await answered(connection, zipped(reasonOf(LIMIT + 1)))).toEqual(
      isRead ? TOO_LARGE(LIMIT) : OTHER_CODING,
    );
    expect(await answered(connection, zipped(reasonOf(50_000_000)))).toMatchObject(
      isRead ? TOO_LARGE(LIMIT) : OTHER_CODING,
    );
    expect(await answered(connection, withLength('rot', [['content-encoding', 'rot13']]))).toEqual(
      OTHER_CODING,
    );
    expect(await answered(connection, withLength('{}', [['content-encoding', 'identity']]))).toMatchObject(
      WAS_READ,
    );
    await expectUsable(connection);
    connection.close();
  });
});

describe('an application of Express without a parser', () => {
  it('does not undo codings of bodies', async () => {
    const connection = await start('express', { create: { bodyParser: false } });
    const bytes = gzipSync('{}');
    const sent = write(bytes, [
      ['content-length', String(bytes.length)],
      ['content-encoding', 'gzip'],
    ]);
    expect(await answered(connection, sent)).toEqual(OTHER_CODING);
    await expectUsable(connection);
    connection.close();
  });

  it('keeps an Idempotency-Key for the body that it came with', async () => {
    await start('express', { create: { bodyParser: false } });
    const send = (json: object) =>
      admin.ask('consumers/nobody/pause', {
        method: 'POST',
        json,
        headers: { 'idempotency-key': 'unparsed' },
      });
    expect(await send({ reason: 'one' })).toMatchObject({ status: 404 });
    expect((await send({ reason: 'one' })).headers.get('idempotency-replayed')).toBe('true');
    expect(await send({ reason: 'two' })).toMatchObject({
      status: 422,
      json: { code: 'INTEGRATION_ADMIN_KEY_REUSED' },
    });
  });
});
