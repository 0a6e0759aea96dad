import { randomUUID } from 'node:crypto';
import { IntegrationError } from '../../errors.js';
import { AbortGroups } from '../../http/abort-groups.js';
import { withinTime } from '../../http/within-time.js';
import type { ConnectionEndpoints } from '../../module/connection-endpoints.js';
import { growingPauseMs } from '../../words/growing-pause.js';
import { storableText } from '../../words/text.js';
import { type ClaimedWebhook, ConnectionWebhookStore } from '../connections/connection-webhook.store.js';
import { contextOf } from './connection-context.js';
import { reasonOfThrown } from './reason-of.js';
import type { TenantParts } from './tenant-parts.js';

/** How long a connector may take to subscribe. */
export const TURN_MS = 30_000;
/** A claim holds so much longer than its turn may take. */
const CLAIM_BEYOND_MS = 15_000;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** What `subscribe` returns stands in a row that is read often. */
const LONGEST_SUBSCRIPTION = 10_000;
const LONGEST_REASON = 999;

/** What came of a turn. */
export type Turn =
  | { readonly is: 'done' }
  | { readonly is: 'failed'; readonly reason: string }
  /** Nothing is to be done, or somebody else does it. */
  | { readonly is: 'not-ours' }
  /** The signal has ended it. Nobody knows what the other system has heard. */
  | { readonly is: 'cut-off' };

const groups = new AbortGroups();

/**
 * Asks the other system for what is wanted of one webhook. The store says why that is right. A turn that is
 * cut off keeps its claim, so that the next one comes when nothing of it can arrive any more.
 */
export async function followWebhook(
  parts: TenantParts,
  of: { readonly tenantId: string; readonly endpointId: string },
  {
    signal,
    timeoutMs = TURN_MS,
  }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined } = {},
): Promise<Turn> {
  const store = new ConnectionWebhookStore(parts.db);
  const claimed = await store.claim(of, randomUUID(), timeoutMs + CLAIM_BEYOND_MS);
  if (claimed === undefined) return { is: 'not-ours' };
  let subscription: unknown;
  try {
    subscription = await withinTime((until) => asked(claimed, parts, until), {
      timeoutMs,
      late: () => new TooLate(),
      outer: signal,
      groups,
    });
  } catch (error) {
    if (signal?.aborted === true) return { is: 'cut-off' };
    const reason = storableText(reasonOf(error, claimed, timeoutMs), LONGEST_REASON);
    await store.failed(claimed, reason, pauseMs(error, claimed));
    return { is: 'failed', reason };
  }
  return (await store.done(claimed, subscription)) ? { is: 'done' } : { is: 'not-ours' };
}

class TooLate extends Error {}

/** Resolves to what is kept. What the connector has no method for needs nobody to be asked. */
async function asked(claimed: ClaimedWebhook, parts: TenantParts, signal: AbortSignal): Promise<unknown> {
  const { tenantId, connectionId, endpointId, wanted, wasAsked } = claimed;
  const opened = await parts.memory.read(tenantId, connectionId);
  const webhook = opened.connector.webhooks.find(({ source }) => source.key === claimed.source);
  if (webhook === undefined || (!wanted && !wasAsked)) return undefined;
  const endpoints = endpointsOf(parts);
  const { url } = await addressOf(endpoints, claimed);
  const given = {
    url,
    types: Object.keys(webhook.types),
    endpointId,
    subscription: claimed.subscription ?? undefined,
    isRepeated: wasAsked,
  };
  const context = contextOf(opened, parts, signal, { isTest: true });
  if (!wanted) {
    await webhook.unsubscribe?.(context, given);
    return undefined;
  }
  if (webhook.subscribe === undefined) return undefined;
  const secret = await endpoints.secretOf(tenantId, endpointId);
  if (secret === undefined) throw withoutSecret(endpointId);
  return storable(await webhook.subscribe(context, { ...given, secret }));
}

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID, in an application that takes no webhooks in */
export function endpointsOf({ endpoints }: Pick<TenantParts, 'endpoints'>): ConnectionEndpoints {
  const found = endpoints();
  if (found !== undefined) return found;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    'The connection has webhooks, and the application takes none in: import WebhooksModule.forRoot({ incoming: { sources: [] }, publicUrl }) beside ConnectorsModule',
  );
}

async function addressOf(endpoints: ConnectionEndpoints, claimed: ClaimedWebhook): Promise<{ url: string }> {
  const found = (await endpoints.list(claimed)).find(({ id }) => id === claimed.endpointId);
  if (found?.url != null) return { url: found.url };
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    'Nobody knows the URL of the endpoint: give publicUrl to WebhooksModule, and have no parameter before its path',
  );
}

function withoutSecret(endpointId: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SECRET_UNREADABLE',
    `The endpoint ${endpointId} has no secret. Give it one with IncomingEndpointsService (rotateSecret)`,
    { endpointId },
  );
}

function storable(returned: unknown): unknown {
  const text = JSON.stringify(returned ?? null);
  if (text !== undefined && text.length <= LONGEST_SUBSCRIPTION) return JSON.parse(text);
  throw new IntegrationError(
    'INTEGRATION_CONNECTOR_INVALID',
    `subscribe must return JSON of at most ${LONGEST_SUBSCRIPTION} characters`,
  );
}

function reasonOf(error: unknown, { wanted }: ClaimedWebhook, timeoutMs: number): string {
  const what = wanted ? 'subscribe' : 'unsubscribe';
  return error instanceof TooLate
    ? `${what} of its connector has not ended within ${timeoutMs} ms`
    : reasonOfThrown(error, what);
}

/** The pause doubles with each attempt, unless the other system has said how long to wait. */
function pauseMs(error: unknown, { attempts }: ClaimedWebhook): number {
  const { details } = Object(error) as { details?: { retryAfterMs?: unknown } };
  const said = details?.retryAfterMs;
  const own = growingPauseMs(attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  return typeof said === 'number' && said > own ? said : own;
}
