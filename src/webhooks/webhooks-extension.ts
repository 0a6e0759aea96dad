import type { IntegrationExtension } from '../module/extension.js';
import { WebhookReceiptStore } from './incoming/receipts/webhook-receipt.store.js';
import { deleteOutdatedCounts } from './incoming/webhook-count.store.js';
import { webhookSettings } from './webhook-settings.js';

/** Rows that one step deletes at most, so that no transaction is long. */
const BATCH = 5_000;
const COUNT_DAYS = 400;

/** The settings of webhooks, and the task that deletes what is old. Their tables are among the engine's. */
export const webhooksExtension: IntegrationExtension = {
  name: 'webhooks',
  settings: webhookSettings,
  tasks: ({ db, settings, tasks }) => {
    const receipts = new WebhookReceiptStore(db);
    return [
      {
        name: 'webhook-receipts',
        run: async (intervalMs, stopping) => {
          const { receiptDays } = settings.snapshotOf(webhookSettings);
          let more = true;
          while (more && !stopping.aborted) {
            more = await tasks.step('webhook-receipts', intervalMs, async (session) => {
              const outdated = await receipts.deleteOutdated(session, receiptDays, BATCH);
              const bodies = await receipts.deleteWithoutEvent(session, BATCH);
              await deleteOutdatedCounts(session, db.tables, COUNT_DAYS);
              return { done: outdated < BATCH && bodies < BATCH };
            });
          }
        },
      },
    ];
  },
};
