import { setTimeout as delay } from 'node:timers/promises';
import { OutgoingTargetStore } from '../../lanes/outgoing-target.store.js';
import type { EndpointOfConnection } from '../../module/connection-endpoints.js';
import type { Connection } from '../connections/connection.js';
import type { ConnectionChange } from '../connections/connection-changes.js';
import { ConnectionWebhookStore, type SubscriptionStatus } from '../connections/connection-webhook.store.js';
import { ConnectionWorkStore } from '../connections/connection-work.store.js';
import type { FoundConnector } from '../definition/connector.js';
import { CONNECTION_LANES } from './connection-work.js';
import type { TenantParts } from './tenant-parts.js';
import { endpointsOf, followWebhook } from './webhook-turn.js';

/** How long the other system is asked before a connection is revoked or removed. */
const END_MS = 10_000;
const LOOK_AGAIN_MS = 100;

/** An endpoint of a connection that was made just now. */
export interface MadeEndpoint extends EndpointOfConnection {
  /**
   * What the other system has to sign with. It is shown this once. Null where the connector gives it to the
   * other system by itself, and where the sender makes its secrets itself.
   */
  readonly secret: string | null;
}

/** A webhook of a connection, as it may be shown. */
export interface ConnectionWebhookView extends EndpointOfConnection {
  /** How the other system was asked to deliver. Null where a person does that. */
  readonly subscription: SubscriptionStatus | null;
  /** Why the last attempt to ask has failed, without secrets. */
  readonly lastError: string | null;
}

type Owned = Pick<Connection, 'id' | 'tenantId'>;

/**
 * The webhooks and the health checks of connections, as far as a change of the state of a connection changes
 * them. All of it is in the transaction of that change, which holds the row of the connection.
 */
export class ConnectionWebhooks {
  constructor(private readonly parts: TenantParts) {}

  /** Adds the endpoints that a connection lacks, and makes it known to the lanes. */
  async make(
    { session, add }: ConnectionChange,
    connection: Connection,
    { webhooks, health }: FoundConnector,
  ): Promise<MadeEndpoint[]> {
    const { tenantId, id } = connection;
    const of = { tenantId, connectionId: id };
    const there = webhooks.length === 0 ? [] : await endpointsOf(this.parts).list(of, session);
    const made: MadeEndpoint[] = [];
    for (const { source, subscribe } of webhooks) {
      if (there.some((each) => each.source === source.key)) continue;
      const { secret, ...endpoint } = await endpointsOf(this.parts).add(session, add, {
        ...of,
        source: source.key,
      });
      if (subscribe !== undefined) await this.store.add(session, connection, endpoint.id, source.key);
      made.push({ ...endpoint, secret: subscribe === undefined ? secret : null });
    }
    if (webhooks.length > 0 || health !== undefined)
      await this.targets.add(session, CONNECTION_LANES, id, { tenantId });
    return made;
  }

  /** Follows the state that a connection has now. */
  async follow(
    { session }: ConnectionChange,
    connection: Connection,
    connector: FoundConnector | undefined,
  ): Promise<void> {
    const { tenantId, id, state } = connection;
    const isEnabled = state === 'enabled';
    const endpoints = this.parts.endpoints();
    const status = isEnabled ? 'active' : 'paused';
    await endpoints?.setStatus(session, { tenantId, connectionId: id }, status);
    const asked = await this.store.want(session, connection, isEnabled);
    const { healthIntervalMs } = this.parts.settings();
    const isLookedAt = isEnabled && connector?.health !== undefined && healthIntervalMs > 0;
    const times = new ConnectionWorkStore(this.parts.db);
    const healthAt = await times.setHealthTime(
      session,
      connection,
      isLookedAt ? healthIntervalMs : undefined,
    );
    const at = asked > 0 ? undefined : healthAt;
    if (at !== null) await this.targets.makeReady(session, CONNECTION_LANES, [id], at);
  }

  /**
   * Removes what a connection has: its endpoints with their secrets, and what is due. The other system was
   * asked before.
   */
  async remove({ session }: ConnectionChange, { tenantId, id }: Owned): Promise<void> {
    await this.store.removeOf(session, { tenantId, id });
    await this.parts.endpoints()?.remove(session, { tenantId, connectionId: id });
    await this.targets.remove(session, CONNECTION_LANES, id);
  }

  /** Whether the other system may deliver because it was asked to. */
  async isAsked(connection: Owned): Promise<boolean> {
    return (await this.store.list(connection)).some(({ status }) => status !== 'none');
  }

  /**
   * Asks the other system now to deliver no more. Resolves to why it was not told, or to null. The connection
   * is not enabled any more, so nobody subscribes meanwhile.
   */
  async end(connection: Owned): Promise<string | null> {
    const reasons: string[] = [];
    const until = performance.now() + END_MS;
    for (const { endpointId, isDone } of await this.store.list(connection)) {
      if (isDone) continue;
      const reason = await this.endOne(connection, endpointId, until);
      if (reason !== null) reasons.push(reason);
    }
    return reasons.length === 0 ? null : [...new Set(reasons)].join('; ');
  }

  async list(connection: Owned): Promise<ConnectionWebhookView[]> {
    const { tenantId, id } = connection;
    const endpoints = await this.parts.endpoints()?.list({ tenantId, connectionId: id });
    if (endpoints === undefined || endpoints.length === 0) return [];
    const asked = new Map((await this.store.list(connection)).map((each) => [each.endpointId, each]));
    return endpoints.map((endpoint) => {
      const { status, lastError } = asked.get(endpoint.id) ?? {};
      return { ...endpoint, subscription: status ?? null, lastError: lastError ?? null };
    });
  }

  /** A lane of some process may be at it. */
  private async endOne(connection: Owned, endpointId: string, until: number): Promise<string | null> {
    const { tenantId } = connection;
    for (;;) {
      const timeoutMs = Math.max(1_000, until - performance.now());
      const turn = await followWebhook(this.parts, { tenantId, endpointId }, { timeoutMs });
      if (turn.is === 'failed') return turn.reason;
      if (turn.is === 'done') return null;
      const now = (await this.store.list(connection)).find((each) => each.endpointId === endpointId);
      if (now === undefined || now.isDone) return null;
      if (performance.now() > until) return 'somebody else was asking the other system at this moment';
      await delay(LOOK_AGAIN_MS);
    }
  }

  private get store(): ConnectionWebhookStore {
    return new ConnectionWebhookStore(this.parts.db);
  }

  private get targets(): OutgoingTargetStore {
    return new OutgoingTargetStore(this.parts.db);
  }
}
