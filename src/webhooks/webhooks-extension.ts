import type { IntegrationExtension } from '../module/extension.js';
import { FIRST_UUID } from '../words/text.js';
import { destinationChecks } from './destination.checks.js';
import { IncomingEndpointStore } from './incoming/endpoints/incoming-endpoint.store.js';
import { WebhookReceiptStore } from './incoming/receipts/webhook-receipt.store.js';
import { deleteOutdatedRecords, RequestRecordStore } from './incoming/request-record.store.js';
import { sendsWebhooks } from './options/sends-webhooks.js';
import { RECEIVING_RIGHTS, SENDING_RIGHTS } from './options/webhook-rights.store.js';
import { webhookSettings } from './options/webhook-settings.js';
import {
  deleteOrphanedDeliveries,
  deleteOutdatedDeliveries,
} from './outgoing/destinations/delivery-retention.store.js';
import { redriveDeliveries } from './outgoing/operations/redrive-deliveries.js';
import { SENDING_COUNTERS, SENDING_DURATIONS } from './outgoing/sender/sending-metrics.js';
import { refusingSourcesCheck } from './refusing-sources.check.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'webhooks.read': true;
    /** Changing endpoints and destinations of tenants, and sending deliveries again. */
    'webhooks.change': true;
  }
  interface AdminTarget {
    /** The id of an endpoint of webhooks (a uuid). */
    readonly webhookEndpoint?: string | undefined;
    /** The id of a destination of webhooks (a uuid). */
    readonly webhookDestination?: string | undefined;
  }
}

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 5_000;
const COUNT_DAYS = 400;
const REFUSAL_DAYS = 30;
/** How many endpoints the doctor names. */
const MOST_NAMED = 100;

/**
 * What webhooks bring: settings, tasks that delete what is old, checks, metrics, sections of the admin API
 * and commands. Their tables are among the engine's.
 */
export const webhooksExtension: IntegrationExtension = {
  name: 'webhooks',
  settings: webhookSettings,
  rights: (application) =>
    sendsWebhooks(application) ? [RECEIVING_RIGHTS, SENDING_RIGHTS] : [RECEIVING_RIGHTS],
  operations: [redriveDeliveries],
  admin: async () => (await import('./admin/webhooks.admin.js')).webhooksAdmin,
  commands: async () => (await import('./commands/webhooks.commands.js')).webhooksCommands,
  tasks: ({ db, settings, tasks, application }) => {
    const receipts = new WebhookReceiptStore(db);
    return [
      {
        name: 'webhook-receipts',
        run: async (intervalMs, stopping) => {
          const { receiptDays } = settings.snapshotOf(webhookSettings);
          let more = true;
          let body: string | undefined = FIRST_UUID;
          while (more && !stopping.aborted) {
            more = await tasks.step('webhook-receipts', intervalMs, async (session) => {
              const outdated = await receipts.deleteOutdated(session, receiptDays, BATCH);
              if (body !== undefined) body = await receipts.deleteWithoutEvent(session, body, BATCH);
              await deleteOutdatedRecords(session, db.tables, {
                countDays: COUNT_DAYS,
                refusalDays: REFUSAL_DAYS,
              });
              return { done: outdated < BATCH && body === undefined };
            });
          }
        },
      },
      {
        name: 'webhook-deliveries',
        run: async (intervalMs, stopping) => {
          if (!sendsWebhooks(application)) return;
          const days = settings.snapshotOf(webhookSettings)['outgoing.deliveryDays'];
          let more = true;
          let after: number | undefined = 0;
          while (more && !stopping.aborted) {
            more = await tasks.step('webhook-deliveries', intervalMs, async (session) => {
              if (after !== undefined)
                after = (await deleteOutdatedDeliveries(session, db.tables, { days, after })).after;
              const isMore = await deleteOrphanedDeliveries(session, db.tables, days);
              return { done: after === undefined && !isMore };
            });
          }
        },
      },
    ];
  },
  counters: SENDING_COUNTERS,
  durations: SENDING_DURATIONS,
  gauges: ({ db }) => [
    {
      name: 'nestjs_integration.webhooks.refused_for',
      description:
        'For how long a source of webhooks has refused everything. 0 if it has accepted the last request.',
      unit: 's',
      read: async () => {
        const times = await new RequestRecordStore(db).times();
        return times
          .filter(({ source }) => source !== '')
          .map(({ source, refusedForSeconds }) => ({
            value: refusedForSeconds ?? 0,
            attributes: { source },
          }));
      },
    },
  ],
  checks: ({ db }) => [
    ...destinationChecks(db),
    refusingSourcesCheck(new RequestRecordStore(db)),
    {
      name: 'webhook-endpoint-without-secret',
      severity: 'critical',
      run: async () => {
        const endpoints = await new IncomingEndpointStore(db).withoutSecret(MOST_NAMED);
        return endpoints.map(({ id, tenantId, source }) => ({
          about: [id],
          finding: `The incoming endpoint ${id} of source "${source}" and tenant ${JSON.stringify(tenantId)} has no secret.`,
          meaning: 'No delivery to it can be verified. Its sender is answered 503 and repeats for some time.',
          fix: 'Give it a secret (IncomingEndpointsService, rotateSecret), or remove it if the tenant is gone.',
          details: { endpointId: id, tenantId, source },
        }));
      },
    },
  ],
};
