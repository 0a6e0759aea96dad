import { IntegrationError } from '../../errors.js';
import { openSecret } from '../../secrets/sealed-secret.js';
import type { SecretParts } from '../../secrets/secret-parts.js';
import { isUuid } from '../../words/text.js';
import type { RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import type { EndpointReader } from './endpoints/endpoint-reader.js';
import type { EndpointOfRequest } from './endpoints/incoming-endpoint.store.js';
import { refusal } from './refusal.js';

/** The endpoint of a tenant that a request came to. */
export interface ReceivingEndpoint {
  readonly id: string;
  readonly tenantId: string;
  readonly paused: boolean;
  /** The connection that the endpoint belongs to. */
  readonly connectionId: string | null;
  /** The version of each secret, in the order of the source's secrets. */
  readonly versions: readonly number[];
  /** Why a secret that is valid cannot be opened. */
  readonly unreadable: IntegrationError | undefined;
}

/**
 * Who a request is for: a source with the secrets to verify it, and the endpoint if these are the endpoint's.
 */
export interface Receiver {
  readonly source: WebhookSource;
  readonly endpoint: ReceivingEndpoint | undefined;
}

/**
 * Finds out who a request is for.
 *
 * @throws IntegrationError INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN, INTEGRATION_SECRET_UNREADABLE
 */
export async function receiverOf(
  source: WebhookSource,
  { endpointId }: RawWebhookRequest,
  reader: () => EndpointReader,
  secrets: () => SecretParts,
): Promise<Receiver> {
  if (source.secrets !== 'endpoint') return { source, endpoint: undefined };
  const found = isUuid(endpointId) ? await reader().find(endpointId.toLowerCase()) : undefined;
  if (found === undefined || found.source !== source.key) throw endpointUnknown(source.key);
  const { values, endpoint } = await opened(found, secrets());
  return { source: { ...source, secrets: values }, endpoint };
}

/** Nothing of the id stands in it, because its message may go to the sender. */
export function endpointUnknown(source: string): IntegrationError {
  return refusal('endpoint', source, 'There is no endpoint of this source with this id');
}

async function opened(
  { id, tenantId, source, status, connectionId, secrets: rows }: EndpointOfRequest,
  { keys }: SecretParts,
): Promise<{ readonly values: string[]; readonly endpoint: ReceivingEndpoint }> {
  const values: string[] = [];
  const versions: number[] = [];
  let unreadable: IntegrationError | undefined;
  for (const row of rows) {
    try {
      values.push(await openSecret(row, keys));
      versions.push(row.version);
    } catch (error) {
      unreadable ??= error as IntegrationError;
    }
  }
  if (values.length === 0) throw unreadable ?? withoutSecret(source, id, tenantId);
  return {
    values,
    endpoint: { id, tenantId, connectionId, paused: status === 'paused', versions, unreadable },
  };
}

function withoutSecret(source: string, id: string, tenantId: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SECRET_UNREADABLE',
    `The endpoint ${id} of source "${source}" has no secret, so no delivery to it can be verified. Give it one with IncomingEndpointsService (rotateSecret), or remove it`,
    { source, endpointId: id, tenantId },
  );
}
