import type { Logger } from '@nestjs/common';
import * as pg from 'pg';
import { IntegrationError } from '../../errors.js';
import { loggerOf } from '../../words/engine-logger.js';
import { DEFAULT_ENGINE } from '../../words/engine-name.js';
import { ADMIN_SESSION, ENGINE_SESSION, HOST_SESSION } from '../sql/session-settings.store.js';
import { answerWithin } from '../wire/answer-within.js';
import { ArrivedMessages } from '../wire/arrived-messages.js';
import { DriverClient } from '../wire/driver-client.js';
import { ENGINE_TYPES, OWN_CLIENT_TYPES } from '../wire/engine-types.js';
import { socketFor } from '../wire/large-read-socket.js';
import type { NamedStatement } from '../wire/named-statement.js';
import { forEachRow } from '../wire/row-reader.js';
import { SelfTest } from '../wire/self-test.js';
import { UnusableConnection } from '../wire/unusable-connection.js';
import { cutOff, reportedBackendOf, signOfLife } from '../wire/wire.js';
import type { WireRow } from '../wire/wire-row.js';
import { isConnectionLoss } from './connection-loss.js';
import { driverConfigOf, type EngineConnectionOptions } from './connection-options.js';
import { validateConnectionString } from './connection-string.js';
import { OneServer } from './one-server.js';
import { refuseOtherProduct } from './other-products.js';
import { refuseReadOnly } from './read-only.store.js';
import {
  PRODUCT,
  SERVER_IDENTITY,
  SERVER_IDENTITY_WITHOUT_SYSTEM,
  type ServerIdentity,
} from './server-identity.store.js';
import { hasSessionOfItsOwn, type ProbedClient } from './session-probe.js';

const MINIMUM_SERVER_VERSION = 140_000;
const PREPARE_TIMEOUT_MS = 5_000;

/**
 * Whose statements run on a connection: those of the engine alone, those of the handlers of the host as well,
 * or those of admins.
 */
export type SessionUse = 'engine' | 'host' | 'admin';

const SESSIONS: Readonly<Record<SessionUse, string>> = {
  engine: ENGINE_SESSION,
  host: HOST_SESSION,
  admin: ADMIN_SESSION,
};

/**
 * One connection that nobody else uses. It runs statements, receives notifications, and tells when it has
 * ended.
 */
export interface EngineConnection {
  readonly backendPid: number;
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** True while no statement is running on the connection. */
  readonly isFree: boolean;
  /**
   * Runs a statement and passes its rows to `onRow` one by one as they arrive. Allowed only while the
   * connection is free.
   */
  forEachRow(statement: NamedStatement, onRow: (row: WireRow) => void): Promise<void>;
  /**
   * Resolves when the server has answered a bare Sync message, which is a sign of life without a statement or
   * a transaction. Resolves at once while a statement is running: the answer to Sync would look like the end
   * of that statement, and the statement has a time limit of its own. Never rejects. On a lost connection it
   * does not resolve.
   */
  ping(): Promise<void>;
  onNotification(listener: (payload: string, channel: string) => void): void;
  readonly ended: Promise<void>;
  close(): Promise<void>;
  /** Ends the connection without a message to the server, because the server does not answer. */
  destroy(): void;
}

/**
 * The configuration of a connection, in the form of node-postgres. It does not use the types of
 * node-postgres, because users have not installed them.
 */
export type ConnectionConfig = Readonly<Record<string, unknown>>;

/** The address of the database of the engine: a URL, or its parts. */
export interface ConnectionTarget {
  /** The name of the engine whose database it is. Default: that of the engine without a name. */
  readonly engine?: string | undefined;
  readonly connectionString?: string | undefined;
  readonly connection?: EngineConnectionOptions | undefined;
}

/** The part of a connection that `prepare` needs. */
export interface UnpreparedConnection {
  query(statement: string | { text: string; types: object }): Promise<{ rows: unknown[] }>;
  once(event: 'end', listener: () => void): unknown;
}

/** Opens and checks connections to one server. */
export class EngineConnectionFactory {
  /** The server that all of these connections lead to. */
  readonly server: OneServer;
  private readonly address: ConnectionConfig;
  private mayReadSystem = true;
  private isProvenDirect = false;
  private hasSaidPlainWay = false;
  private readonly logger: Logger;

  /** Throws INTEGRATION_OPTIONS_INVALID for a URL that node-postgres cannot use. */
  constructor(
    target: ConnectionTarget,
    onServerReplaced: () => void = () => {},
    /** Runs each statement of the connections that `open` gives. */
    private readonly around: <R>(fn: () => R) => R = (fn) => fn(),
  ) {
    this.logger = loggerOf('EngineDatabase', { engine: target.engine ?? DEFAULT_ENGINE });
    this.address = addressOf(target);
    this.server = new OneServer(onServerReplaced);
  }

  config(applicationName: string, use: SessionUse): ConnectionConfig {
    return {
      stream: socketFor,
      ...this.address,
      application_name: applicationName,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      connectionTimeoutMillis: 5_000,
      types: use === 'host' ? OWN_CLIENT_TYPES : ENGINE_TYPES,
    };
  }

  /** Host, port and database, without credentials. */
  describe(): string {
    const client = new pg.Client(this.address);
    return `${client.host}:${client.port}/${client.database ?? ''}`;
  }

  /**
   * Sets up the session. Refuses a server or a pooler that the engine cannot rely on, and a server that does
   * not answer in time. Resolves to the process ID of the backend.
   */
  prepare(client: UnpreparedConnection, use: SessionUse): Promise<number> {
    return answerWithin(PREPARE_TIMEOUT_MS, this.prepareSession(client, use));
  }

  private async prepareSession(client: UnpreparedConnection, use: SessionUse): Promise<number> {
    const test = new SelfTest(client);
    const server = await this.setUp(client, use).catch(async (error) => {
      throw (await this.isOtherProduct(client, error)) ?? error;
    });
    this.sayPlainWay(test.finish());
    if (server === undefined) throw new UnusableConnection('connection error: the server answered nothing');
    refuseOtherProduct(server.product, () => this.describe());
    refuseReadOnly(server, () => this.describe());
    if (server.version < MINIMUM_SERVER_VERSION) {
      throw new IntegrationError(
        'INTEGRATION_DATABASE_UNSUPPORTED',
        `Postgres at ${this.describe()} is version ${Math.floor(server.version / 10_000)}: 14 or newer is needed (int8multirange)`,
        { version: server.version },
      );
    }
    // On a direct connection, the driver is told the real process ID of the backend. Poolers make one up, and
    // so do some transparent proxies. So a connection with another number is tried out.
    const reported = reportedBackendOf(client);
    if (reported !== null && reported !== server.pid && !(await this.isDirect(client))) {
      throw new IntegrationError(
        'INTEGRATION_DATABASE_POOLED',
        `The connection to ${this.describe()} goes through a pooler. The engine needs a direct connection (LISTEN, session settings, leases): give its URL as connectionString. The host's own client may go on using the pooler`,
      );
    }
    client.once('end', () => this.server.sessionEnded(client));
    this.server.admit(client, server, () => cutOff(client));
    return server.pid;
  }

  /** Logs once, for the first connection. */
  private sayPlainWay(missing: readonly string[]): void {
    if (missing.length === 0 || this.hasSaidPlainWay) return;
    this.hasSaidPlainWay = true;
    this.logger.warn(
      `The version of pg that is loaded is not the one that this package was tested with: it lacks ${missing.join(', ')}. Everything works, but more slowly. Install the version of pg that package.json of nestjs-integration names.`,
    );
  }

  private async setUp(client: UnpreparedConnection, use: SessionUse): Promise<ServerIdentity | undefined> {
    await client.query(SESSIONS[use]);
    return this.identify(client);
  }

  /**
   * Another product may not know our settings or functions. Its name can then tell why the statement failed.
   */
  private async isOtherProduct(client: UnpreparedConnection, error: unknown): Promise<unknown> {
    if (isConnectionLoss(error)) return undefined;
    const { rows } = await client.query(PRODUCT).catch(() => ({ rows: [] as unknown[] }));
    try {
      refuseOtherProduct((rows[0] as { product: string } | undefined)?.product ?? '', () => this.describe());
      return undefined;
    } catch (refusal) {
      return refusal;
    }
  }

  /** This is tried only once, because all connections go the same way. */
  private async isDirect(client: UnpreparedConnection): Promise<boolean> {
    if (this.isProvenDirect) return true;
    const other = new DriverClient(this.config('nestjs-integration probe', 'engine'));
    other.on('error', () => {});
    try {
      await other.connect();
      this.isProvenDirect = await hasSessionOfItsOwn(client as unknown as ProbedClient, other);
    } finally {
      cutOff(other);
    }
    return this.isProvenDirect;
  }

  private async identify(client: UnpreparedConnection): Promise<ServerIdentity | undefined> {
    if (this.mayReadSystem) {
      try {
        return (await client.query({ text: SERVER_IDENTITY, types: ENGINE_TYPES })).rows[0] as
          | ServerIdentity
          | undefined;
      } catch (error) {
        if (isConnectionLoss(error)) throw error;
        this.mayReadSystem = false;
      }
    }
    return (await client.query({ text: SERVER_IDENTITY_WITHOUT_SYSTEM, types: ENGINE_TYPES })).rows[0] as
      | ServerIdentity
      | undefined;
  }

  async open(applicationName: string): Promise<EngineConnection> {
    const client = new DriverClient(this.config(applicationName, 'engine'));
    // Without a listener, an `error` event would end the process. `ended` tells what the event means.
    client.on('error', () => {});
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    let backendPid: number;
    try {
      await client.connect();
      backendPid = await this.prepare(client, 'engine');
    } catch (error) {
      cutOff(client);
      throw error;
    }
    const arrived = ArrivedMessages.watch(client);
    let asked = 0;
    const asking = async <R>(work: Promise<R>): Promise<R> => {
      asked++;
      return work.finally(() => {
        asked--;
      });
    };
    return {
      backendPid,
      ended,
      get isFree() {
        return asked === 0 && arrived.areWhole;
      },
      forEachRow: (statement, onRow) => asking(forEachRow(client, statement, onRow)),
      query: async <Row>(sql: string, params: readonly unknown[] = []) =>
        (await asking(this.around(() => client.query({ text: sql, values: [...params] })))).rows as Row[],
      ping: async () => {
        if (asked === 0) await asking(signOfLife(client));
      },
      onNotification: (listener) =>
        client.on('notification', (message) => listener(message.payload ?? '', message.channel)),
      close: () => client.end().catch(() => {}),
      destroy: () => cutOff(client),
    };
  }
}

function addressOf({ connection, connectionString }: ConnectionTarget): ConnectionConfig {
  if (connection !== undefined) return driverConfigOf(connection);
  return { connectionString: validateConnectionString(connectionString ?? '') };
}
