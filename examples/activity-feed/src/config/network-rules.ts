import type { NetworkRules } from 'nestjs-integration/webhooks';
import { validateEnvironment } from './environment.js';

/**
 * Where webhooks and calls may go. By default it is by https to public addresses. Who names inner ones wants http
 * there, and these ports alone.
 */
export function networkRules(): NetworkRules {
  const { WEBHOOKS_ALLOW: allow, WEBHOOKS_PORTS: ports } = validateEnvironment(process.env);
  if (allow === undefined) return {};
  return { allow: allow.split(','), http: true, ports: ports?.split(',').map(Number) };
}
