import { signatureOf } from './signing-secrets.js';
import { isTakenHeader } from './taken-headers.js';
import type { WebhookBody } from './webhook-body.js';

export interface SignedWebhook {
  /** The id of the event: the same for all attempts, replays and destinations. */
  readonly id: string;
  /** When this attempt is made. */
  readonly at: Date;
  readonly body: WebhookBody;
  /** All secrets that are in force, at least one. Receivers take any of their signatures. */
  readonly secrets: readonly string[];
  /** What the tenant wants to be sent as well. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const SENDER = 'nestjs-integration';

/**
 * The headers of a request, signed as Standard Webhooks has it. What is the sender's own cannot be set by a
 * tenant.
 */
export function webhookHeaders({
  id,
  at,
  body,
  secrets,
  headers = {},
}: SignedWebhook): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signed = `${id}.${timestamp}.${body.text}`;
  const free = Object.entries(headers).filter(([name]) => !isTakenHeader(name));
  return {
    'user-agent': SENDER,
    ...Object.fromEntries(free.map(([name, value]) => [name.toLowerCase(), value])),
    'content-type': body.contentType,
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => signatureOf(secret, signed)).join(' '),
  };
}
