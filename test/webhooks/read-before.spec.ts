import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Post } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  githubSource,
  VerifiedWebhook,
  type VerifiedWebhookRequest,
  WebhookEvent,
} from 'nestjs-integration/webhooks';
import { hearLog, type LogLines, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type Answered, fromGithub, SECRET, send, startWebhookApp, type WebhookApp } from './webhook-app.js';

type Next = (error?: unknown) => void;
type Middleware = (request: HostRequest, response: ServerResponse, next: Next) => void;
type HostRequest = IncomingMessage & { rawBody?: unknown; body?: unknown };
interface Express {
  (request: IncomingMessage, response: ServerResponse): void;
  use(path: string | Middleware, handler?: Middleware | Express): void;
  set(name: string, value: unknown): void;
}
interface ExpressModule {
  (): Express;
  json(options?: object): Middleware;
  raw(options?: object): Middleware;
}

// The Express that the adapter itself uses.
const express: ExpressModule = createRequire(
  createRequire(import.meta.url).resolve('@nestjs/platform-express'),
)('express');

const LIMIT = 300_000;
/** More than the streams of Node hold at once, and than body parsers take. */
const LONG = JSON.stringify({ text: 'x'.repeat(200_000) });
const SHORT = '{"a":"ä"}';
const GONE = {
  status: 500,
  json: { code: 'INTEGRATION_WEBHOOK_RAW_BODY_MISSING', step: 'raw-body' },
};
const ACCEPTED = { status: 200, json: { status: 'accepted' } };

const json = (options: object = {}) => express.json({ limit: '1mb', ...options });
const keeping = {
  verify: (request: HostRequest, _: unknown, bytes: Buffer) => {
    request.rawBody = bytes;
  },
};

async function allOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Reads the body, and goes on in a later turn, as hosts do that look something up. */
const readBy =
  (keep: (request: HostRequest, bytes: Buffer) => void): Middleware =>
  (request, _, next) => {
    void allOf(request).then((bytes) => {
      keep(request, bytes);
      setImmediate(next);
    });
  };

/** What may stand before an application of Express, and what becomes of a delivery then. */
const EXPRESS: Readonly<Record<string, readonly [middleware: Middleware, answer: object]>> = {
  nothing: [(_request, _response, next) => next(), ACCEPTED],
  'a parser of JSON': [json(), GONE],
  'a parser of JSON that keeps the bytes, as that of Firebase': [json(keeping), ACCEPTED],
  'a parser that leaves bodies as they are': [express.raw({ type: '*/*', limit: '1mb' }), ACCEPTED],
  'an async middleware that reads': [
    readBy((request, bytes) => Object.assign(request, { body: JSON.parse(bytes.toString()) })),
    GONE,
  ],
  'an async middleware that keeps the bytes': [
    readBy((request, bytes) => Object.assign(request, { rawBody: bytes })),
    ACCEPTED,
  ],
  'something that keeps a text, which may be another one': [
    readBy((request, bytes) => Object.assign(request, { rawBody: bytes.toString() })),
    GONE,
  ],
  'something that reads the beginning only': [
    (request, _, next) =>
      request.once('data', () => {
        request.pause();
        next();
      }),
    GONE,
  ],
  'something that reads along': [
    (request, _, next) => {
      request.on('data', () => {});
      next();
    },
    ACCEPTED,
  ],
  'something that asks for texts': [
    (request, _, next) => {
      request.setEncoding('utf8');
      next();
    },
    ACCEPTED,
  ],
  'a stream that fails by itself': [
    (request, _, next) => {
      next();
      request.emit('error', new Error('not implemented'));
    },
    GONE,
  ],
};

type Way = keyof typeof EXPRESS;

@Controller('own')
class OwnController {
  @Post()
  @VerifiedWebhook('github')
  take(@WebhookEvent() { type }: VerifiedWebhookRequest): object {
    return { type };
  }
}

/** Another route of the application, where its server looks at the case of paths. */
@Controller('WEBHOOKS')
class LoudController {
  @Post(':name')
  echo(@Body() body: unknown): object {
    return { body };
  }
}

const WEBHOOKS = { incoming: { sources: [githubSource({ secrets: SECRET, maxBodyBytes: LIMIT })] } };

let database: TestDatabase;
let app: WebhookApp;
let delivered = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A delivery with an id of its own. */
function delivery(way: string, body: string | Buffer, id = `d${++delivered}`) {
  const made = fromGithub(body, { id });
  return { ...made, headers: { ...made.headers, 'x-way': way } };
}

async function expectAnswers(
  url: string,
  ways: Readonly<Record<string, readonly [unknown, answer: object]>>,
): Promise<void> {
  for (const [way, [, answer]] of Object.entries(ways)) {
    for (const body of [SHORT, LONG]) {
      const sent = await send(url, delivery(way, body));
      expect({ way, length: body.length, ...sent }).toMatchObject({ way, length: body.length, ...answer });
    }
  }
}

async function refusedAs(step: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `SELECT coalesce(sum(count), 0)::int AS count FROM integration.webhook_count WHERE outcome = $1`,
    [step],
  );
  return rows[0]?.count ?? 0;
}

describe.each([false, true])(
  'on Express with rawBody: %s, a delivery whose body was read before',
  (rawBody) => {
    let outer: Server;
    let said: LogLines;

    beforeAll(async () => {
      said = hearLog();
      const server = express();
      server.use((request, response, next) => {
        const way = EXPRESS[String(request.headers['x-way'])];
        if (way === undefined) next();
        else way[0](request, response, next);
      });
      app = await startWebhookApp(database, {
        adapter: new ExpressAdapter(server),
        webhooks: WEBHOOKS,
        module: { controllers: [OwnController] },
        create: { rawBody, logger: TEST_LOGGER },
      });
      const around = express();
      around.use((request, response, next) => {
        const way = String(request.headers['x-outer']);
        const outside: Record<string, Middleware> = { json: json(), kept: json(keeping) };
        (outside[way] ?? ((_request, _response, go) => go()))(request, response, next);
      });
      around.use('/functions/api', server);
      outer = createServer(around).listen(0, '127.0.0.1');
      await new Promise((resolve) => outer.once('listening', resolve));
    });
    afterAll(async () => {
      silenceLog();
      await new Promise((resolve) => outer.close(resolve));
      await app.close();
    });

    it('is accepted if its bytes were kept, and answered 500 if they are gone, by each of the ways', async () => {
      await expectAnswers(`${app.url}/webhooks/github`, EXPRESS);
    });

    it('is answered so below an outer application of Express, too', async () => {
      const { port } = outer.address() as AddressInfo;
      const statuses: number[] = [];
      for (const way of ['none', 'json', 'kept'])
        for (const body of [SHORT, LONG]) {
          const made = delivery('', body);
          const sent = { ...made, headers: { ...made.headers, 'x-outer': way } };
          const { status } = await send(`http://127.0.0.1:${port}/functions/api/webhooks/github`, sent);
          statuses.push(status);
        }
      expect(statuses).toEqual([200, 200, 500, 500, 200, 200]);
    });

    it('is verified by a route of the application with the bytes that were kept', async () => {
      const answers: Answered[] = [];
      for (const way of ['a parser of JSON that keeps the bytes, as that of Firebase', 'a parser of JSON'])
        answers.push(await send(`${app.url}/own`, delivery(way, SHORT)));
      expect(answers).toMatchObject([{ status: 201, json: { type: 'push' } }, GONE]);
    });

    it('is refused as too large by the bytes that were kept, and not believed with another body', async () => {
      const kept: Way = 'an async middleware that keeps the bytes';
      const large = 'x'.repeat(LIMIT + 1);
      expect(await send(`${app.url}/webhooks/github`, delivery(kept, large))).toMatchObject({ status: 413 });
      const forged = { ...delivery(kept, SHORT), body: '{"a":"o"}' };
      expect(await send(`${app.url}/webhooks/github`, forged)).toMatchObject({ status: 401 });
    });

    it('says so in the log and in the counts where its bytes are gone', async () => {
      await send(`${app.url}/webhooks/github`, delivery('a parser of JSON', SHORT));
      expect(await said.saying('The bytes of the body are gone')).toContain('request.rawBody');
      const { webhooks } = app;
      await webhooks.onModuleDestroy();
      expect(await refusedAs('raw-body')).toBeGreaterThan(0);
    });
  },
);

type Hook = (request: FastifyRequest, payload: Readable) => Promise<unknown>;
type FastifyRequest = { raw: HostRequest; rawBody?: unknown; headers: IncomingMessage['headers'] };

/** What hooks of Fastify do with the body before it is parsed, and what becomes of a delivery then. */
const FASTIFY: Readonly<Record<string, readonly [hook: Hook, answer: object]>> = {
  nothing: [async (_, payload) => payload, ACCEPTED],
  'a hook that reads': [
    async ({ raw }, payload) => {
      await allOf(raw);
      return payload;
    },
    GONE,
  ],
  'a hook that keeps the bytes': [
    async (request, payload) => {
      request.rawBody = await allOf(request.raw);
      return payload;
    },
    ACCEPTED,
  ],
  'bytes that stand on the request of Node, as at Firebase': [
    async ({ raw }, payload) => {
      raw.rawBody = await allOf(raw);
      return payload;
    },
    ACCEPTED,
  ],
  'a hook that hands on another stream of the bytes': [
    async ({ raw }) => Readable.from([await allOf(raw)]),
    ACCEPTED,
  ],
  'a hook that lets the bytes run through a stream': [
    async (_, payload) => payload.pipe(new PassThrough()),
    ACCEPTED,
  ],
  'a hook whose stream fails': [async (_, payload) => payload.pipe(createGunzip()), GONE],
};

/** The same for hooks that go on in the same turn, so that nothing of the body has run through yet. */
const AT_ONCE: Readonly<Record<string, readonly [hook: (payload: Readable) => Readable, answer: object]>> = {
  'a stream that is handed on at once': [(payload) => payload.pipe(new PassThrough()), ACCEPTED],
  'a stream that fails at once': [(payload) => payload.pipe(createGunzip()), ACCEPTED],
};

/** The same for middleware that Nest lets run on Fastify. */
const MIDDLEWARE: Readonly<Record<string, readonly [middleware: Middleware, answer: object]>> = {
  'a parser of JSON': [json(), GONE],
  'a parser of JSON that keeps the bytes': [json(keeping), ACCEPTED],
  'a parser that leaves bodies as they are': [express.raw({ type: '*/*', limit: '1mb' }), ACCEPTED],
};

describe.each([false, true])(
  'on Fastify with rawBody: %s, a delivery whose body was read before',
  (rawBody) => {
    beforeAll(async () => {
      const adapter = new FastifyAdapter();
      adapter
        .getInstance()
        .addHook('preParsing', async (request: FastifyRequest, _: unknown, payload: Readable) => {
          const way = FASTIFY[String(request.headers['x-way'])];
          return way === undefined ? payload : way[0](request, payload);
        });
      app = await startWebhookApp(database, {
        adapter,
        webhooks: WEBHOOKS,
        create: { rawBody, logger: TEST_LOGGER },
        prepare: (its) =>
          its.use((request: HostRequest, response: ServerResponse, next: Next) => {
            const way = MIDDLEWARE[String(request.headers['x-way'])];
            if (way === undefined) next();
            else way[0](request, response, next);
          }),
      });
    });
    afterAll(() => app.close());

    it('is accepted if its bytes were kept, and answered 500 if they are gone, by each of the ways', async () => {
      await expectAnswers(`${app.url}/webhooks/github`, { ...FASTIFY, ...AT_ONCE });
    });

    it('is answered so where middleware has read it', async () => {
      await expectAnswers(`${app.url}/webhooks/github`, MIDDLEWARE);
    });

    it('is refused as too large by the stream that a hook hands on', async () => {
      const way = 'a hook that hands on another stream of the bytes';
      const large = delivery(way, 'x'.repeat(LIMIT + 1));
      expect(await send(`${app.url}/webhooks/github`, large)).toMatchObject({ status: 413 });
    });
  },
);

it('on Express that looks at the case of paths, a route in another case gets its bodies as the application reads them', async () => {
  const server = express();
  server.set('case sensitive routing', true);
  const { url, close } = await startWebhookApp(database, {
    adapter: new ExpressAdapter(server),
    webhooks: WEBHOOKS,
    module: { controllers: [LoudController] },
  });
  try {
    expect(await send(`${url}/webhooks/github`, delivery('nothing', SHORT))).toMatchObject(ACCEPTED);
    expect(await send(`${url}/WEBHOOKS/github`, delivery('nothing', SHORT))).toMatchObject({
      status: 201,
      json: { body: JSON.parse(SHORT) },
    });
  } finally {
    await close();
  }
});
