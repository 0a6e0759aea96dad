import { fieldOf, type RawWebhookRequest } from '../definitions/raw-request.js';
import type { CommonSourceOptions, SourceSecrets, WebhookSource } from '../definitions/webhook-source.js';
import { hmacScheme } from '../schemes/hmac.scheme.js';
import { webhookSource } from './make-source.js';

/**
 * GitHub. The body is signed, in `X-Hub-Signature-256`; neither a time nor the id of the delivery is. So a
 * body that came before under another id is marked, or refused with `repeatedBody: 'reject'`.
 *
 * The type is the event with its action, such as `pull_request.opened`. By default the events of one
 * repository, organization or sender are handled in the order in which they came.
 *
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function githubSource(options: CommonSourceOptions & SourceSecrets): WebhookSource {
  return webhookSource({
    key: 'github',
    verify: hmacScheme({ header: 'X-Hub-Signature-256', prefix: 'sha256=' }),
    deliveryId: ({ headers }) => headers['x-github-delivery'],
    type: (request) => {
      const { 'x-github-event': event = 'unknown' } = request.headers;
      const action = fieldOf(request, 'action');
      return action === undefined ? event : `${event}.${action}`;
    },
    aggregate: aggregateOf,
    ...options,
  });
}

/** What a delivery is about: the repository, else the organization, else the sender. */
function aggregateOf(request: RawWebhookRequest): { type: string; id: string } {
  for (const type of ['repository', 'organization', 'sender'] as const) {
    const id = fieldOf(request, type, 'id');
    if (id !== undefined) return { type: `github_${type}`, id };
  }
  const advisory = fieldOf(request, 'security_advisory', 'ghsa_id');
  if (advisory !== undefined) return { type: 'github_security_advisory', id: advisory };
  return { type: 'github_delivery', id: request.headers['x-github-delivery'] ?? 'unknown' };
}
