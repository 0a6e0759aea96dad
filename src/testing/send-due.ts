import { checkNames } from '../words/argument-checks.js';
import type { TestedApplication } from './application.js';

export interface SendDueOptions {
  /** Milliseconds until nothing may be due any more. The default is 10000. */
  timeoutMs?: number | undefined;
}

/**
 * Sends every delivery of webhooks that is due, until none is. It works whether `processor.enabled` is on or
 * off. It does not wait for attempts that are due later. Route events first, with `publishAndDrain`. Resolves
 * to the number of requests.
 *
 * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if this takes too long, or another process sends;
 * INTEGRATION_OPTIONS_INVALID if WebhooksModule has no option `outgoing`
 */
export async function sendDue(app: TestedApplication, options: SendDueOptions = {}): Promise<number> {
  checkNames('an option of sendDue', options, ['timeoutMs']);
  // An application without webhooks loads nothing of them.
  const { WebhookSender } = await import('../webhooks/outgoing/webhook-sender.js');
  return app.get(WebhookSender, { strict: false }).sendDue(options);
}
