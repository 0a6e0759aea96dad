import type { ApplicationServices } from '../../maintenance/maintenance-task.js';
import { WEBHOOKS_OPTIONS, type WebhooksModuleOptions } from './webhooks-options.js';

/**
 * Whether the application sends webhooks: it has WebhooksModule with the option `outgoing`. The options of
 * `forRootAsync` are there when the modules are made, so ask at the boot or later.
 */
export function sendsWebhooks(application: ApplicationServices | undefined): boolean {
  try {
    const options = application?.get<WebhooksModuleOptions>(WEBHOOKS_OPTIONS, { strict: false });
    return options?.outgoing !== undefined;
  } catch {
    // An application may name what webhooks bring, and have no module of theirs.
    return false;
  }
}
