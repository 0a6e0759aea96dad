import * as pg from 'pg';
import { takePlainWay } from './plain-way.js';
import type { Wire } from './wire.js';

/*
 * The self-test checks whether the insides of `pg` are as this folder expects. It runs for each connection:
 * two statements run on a new connection anyway, and the test looks at the client and listens meanwhile. A
 * client that behaves differently takes the plain way from then on. The plain way uses only the documented
 * part of `pg`: nothing is held back or sent in one message with other statements, the driver reads the rows,
 * and a transaction asks its server whether it is still the same transaction.
 */

const OF_WIRE = ['on', 'once', 'off', 'sync', 'bind', 'execute'];
const OF_STREAM = ['on', 'off', 'listeners', 'prependListener', 'write', 'destroy', 'cork', 'uncork'];
const OF_QUERY = ['submit', 'handleDataRow', 'handleCommandComplete', 'handleError'];

/**
 * The test of one client. It begins before the first statement and ends when that statement has been
 * answered.
 */
export class SelfTest {
  private hasTag = false;
  private isReady = false;

  constructor(private readonly client: object) {
    const { connection: wire } = client as { connection?: Partial<Wire> };
    if (typeof wire?.once !== 'function' || typeof wire.on !== 'function') return;
    wire.once('commandComplete', ({ text }) => {
      this.hasTag = typeof text === 'string';
    });
    wire.once('readyForQuery', () => {
      this.isReady = true;
    });
  }

  /** The names of the parts that are missing. If any is missing, the client takes the plain way. */
  finish(): string[] {
    const missing = this.missing();
    if (missing.length > 0) takePlainWay(this.client);
    return missing;
  }

  private missing(): string[] {
    const { connection: wire } = this.client as { connection?: Partial<Wire> };
    if (wire === undefined) return ['client.connection'];
    const stream = wire.stream as Partial<Wire['stream']> | undefined;
    const lacking = [
      ...without(wire, OF_WIRE, 'connection'),
      ...without(stream, OF_STREAM, 'connection.stream'),
      ...without(pg.Query?.prototype, OF_QUERY, 'Query.prototype'),
    ];
    if (lacking.length === 0 && stream?.listeners?.('data').length === 0) lacking.push("listener of 'data'");
    if (!this.hasTag) lacking.push("event 'commandComplete'");
    if (!this.isReady) lacking.push("event 'readyForQuery'");
    return lacking;
  }
}

function without(owner: object | undefined, names: readonly string[], place: string): string[] {
  const members = (owner ?? {}) as Record<string, unknown>;
  return names.filter((name) => typeof members[name] !== 'function').map((name) => `${place}.${name}`);
}
