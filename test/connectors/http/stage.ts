import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll } from '@jest/globals';
import type { ConnectorHttp } from '../../../src/connectors/http/connector-http.js';
import { HttpClients } from '../../../src/connectors/http/http-clients.js';
import type {
  Authorization,
  HttpIdentity,
  UnsignedRequest,
} from '../../../src/connectors/http/http-identity.js';
import { HttpMetrics } from '../../../src/connectors/http/http-metrics.js';
import type { HttpSettings } from '../../../src/connectors/http/http-parts.js';
import { WaysOut } from '../../../src/connectors/http/ways-out.js';
import { Gate } from '../../../src/gate/gate.js';
import { GateStore } from '../../../src/gate/gate.store.js';
import type { PartCounter } from '../../../src/telemetry/part-measures.js';
import { LoopbackServer } from '../../support/loopback-server.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';

/** A request as it came to the server. */
export interface Came {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answering = (came: Came, response: ServerResponse, number: number) => void;

/** Answers with JSON. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answering {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answering {
  return (_, response) => response.writeHead(code, headers).end();
}

/** Ends the connection without an answer. */
export const reset: Answering = (_, response) => response.destroy();

/** Answers the first requests so, one after the other, and all later ones as the last of them. */
export function inTurn(...answers: readonly Answering[]): Answering {
  return (came, response, number) => answers[Math.min(number, answers.length) - 1]?.(came, response, number);
}

/** The credentials of a connection, as a test wants them. */
export class StubIdentity implements HttpIdentity {
  readonly tenantId = 'acme';
  readonly connectionId: string = crypto.randomUUID();
  readonly connector: string = 'hris';
  readonly limits: HttpIdentity['limits'] = [];
  readonly network = { http: true, allow: ['127.0.0.1'] };
  readonly origins: readonly string[] = [];
  token = 'secret-token-1';
  generation = 1;
  /** What comes after this token, when it is renewed. */
  following: readonly string[] = [];
  tls: Authorization['tls'];
  authorized = 0;
  renewed = 0;

  constructor(
    readonly baseUrl: string,
    given: Partial<HttpIdentity> = {},
  ) {
    Object.assign(this, given);
  }

  async authorize({ headers }: UnsignedRequest): Promise<Authorization> {
    this.authorized++;
    headers.authorization = `Bearer ${this.token}`;
    return { generation: this.generation, ...(this.tls === undefined ? {} : { tls: this.tls }) };
  }

  async renew(generation: number | undefined): Promise<boolean> {
    this.renewed++;
    const [next, ...later] = this.following;
    if (generation !== this.generation || next === undefined) return generation !== this.generation;
    this.following = later;
    this.token = next;
    this.generation++;
    return true;
  }
}

/** A server, and clients of connections to it. */
export class HttpStage {
  readonly came: Came[] = [];
  readonly counted: string[] = [];
  readonly settings: { -readonly [K in keyof HttpSettings]: HttpSettings[K] } & {
    breakerFailures: number;
    breakerOpenMs: number;
  } = {
    timeoutMs: 10_000,
    maxAttempts: 4,
    maxInlineWaitMs: 5_000,
    maxResponseBytes: 10_485_760,
    breakerFailures: 1_000,
    breakerOpenMs: 60_000,
  };
  readonly ways = new WaysOut();
  private clients!: HttpClients;
  private answering: Answering = json({});
  private readonly servers: LoopbackServer[] = [];
  server!: LoopbackServer;
  private database!: TestDatabase;

  async open(database: TestDatabase): Promise<void> {
    this.database = database;
    this.server = await LoopbackServer.http((request, response) => void this.take(request, response));
    this.servers.push(this.server);
    const settings = () => this.settings;
    const gate = new Gate({
      store: new GateStore(database.engine()),
      settings,
      onFailure: (words) => this.counted.push(words),
    });
    const measures = {
      count: (counter: PartCounter, attributes: object) => {
        this.counted.push(
          [counter.name.split('.').slice(2).join('.'), ...Object.values(attributes)].join(' '),
        );
      },
      time: () => {},
    };
    this.clients = new HttpClients({ gate, ways: this.ways, metrics: new HttpMetrics(measures), settings });
  }

  /** Another process with the same database, and a server of its own. */
  async beside(): Promise<HttpStage> {
    const other = new HttpStage();
    await other.open(this.database);
    return other;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  answer(...answers: readonly [Answering, ...Answering[]]): this {
    this.came.length = 0;
    this.answering = inTurn(...answers);
    return this;
  }

  identity(given: Partial<HttpIdentity> = {}): StubIdentity {
    return new StubIdentity(`${this.url}/api`, given);
  }

  client(identity: HttpIdentity = this.identity(), signal?: AbortSignal): ConnectorHttp {
    return this.clients.of(() => identity, signal);
  }

  /** A server of somebody else, which must get nothing. */
  async stranger(): Promise<{ readonly url: string; readonly came: Came[] }> {
    const came: Came[] = [];
    const server = await LoopbackServer.http((request, response) => {
      came.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: '',
      });
      response.end('{}');
    });
    this.servers.push(server);
    return { url: `http://127.0.0.1:${server.port}`, came };
  }

  async close(): Promise<void> {
    this.ways.close();
    for (const server of this.servers) await server.close();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = '', url: path = '', headers } = request;
    const came = { method, path, headers, body: Buffer.concat(pieces).toString() };
    this.came.push(came);
    this.answering(came, response, this.came.length);
  }
}

/** What somebody threw, as a text with everything in it. */
export function everythingOf(error: unknown): string {
  const { message, stack, details, cause } = error as Error & { details?: unknown };
  return JSON.stringify([message, stack, details, String(cause ?? '')]);
}

type Failure = Error & { readonly code: string; readonly details: Record<string, unknown> };

/** What a request rejects with. */
export const failure = (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Failure,
  );

/** A stage that opens before the first test of the file and closes after the last one. */
export function httpStage(): HttpStage {
  const stage = new HttpStage();
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    await stage.open(database);
  });
  afterAll(async () => {
    await stage.close();
    await database?.drop();
  });
  return stage;
}
