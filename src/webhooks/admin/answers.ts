import {
  dictionary,
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { REFUSED_STEPS } from '../incoming/refusal.js';

export const WebhookSource = named(
  'WebhookSource',
  object({
    /** Null for requests to names that are not a source. */
    source: orNull(TEXT),
    /** Whether the application that answers has this source. */
    known: FLAG,
    accepted: INTEGER,
    repeated: INTEGER,
    handshakes: INTEGER,
    invalid: INTEGER,
    failed: INTEGER,
    refused: dictionary(INTEGER),
    lastAcceptedAt: orNull(TIME),
    lastRefusedAt: orNull(TIME),
    refusedSince: orNull(TIME),
  }),
);

export const WebhookSources = named('WebhookSources', object({ days: INTEGER, items: list(WebhookSource) }));

/** No body, no header and no secret is kept of a refused request. */
export const WebhookRefusals = named(
  'WebhookRefusals',
  object({
    items: list(
      object({
        id: UUID,
        source: orNull(TEXT),
        at: TIME,
        step: oneOf(REFUSED_STEPS),
        deliveryId: orNull(TEXT),
        endpointId: orNull(TEXT),
        bytes: orNull(INTEGER),
      }),
    ),
  }),
);

const ENDPOINT = {
  id: UUID,
  tenantId: TEXT,
  source: TEXT,
  externalId: orNull(TEXT),
  status: oneOf(['active', 'paused']),
  createdAt: TIME,
};

export const WebhookEndpointPage = named('WebhookEndpointPage', pageOf(object(ENDPOINT)));

/** Of a secret it has the version and its times, and nothing of the secret itself. */
export const WebhookEndpoint = named(
  'WebhookEndpoint',
  object({
    ...ENDPOINT,
    path: TEXT,
    url: orNull(TEXT),
    secrets: list(object({ version: INTEGER, rotatedAt: TIME, validUntil: orNull(TIME) })),
  }),
);
