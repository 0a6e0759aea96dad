import type { AdminDatabase } from '../database/admin-database.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { CursorStatusStore } from '../status/cursor-status.store.js';
import { OverviewStore } from '../status/overview.store.js';
import type { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { ConsumerService } from './consumer.service.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { DiscardOneStore } from './discard-one.store.js';
import { InboxAdmin } from './inbox-admin.js';
import { InboxAdminStore } from './inbox-admin.store.js';
import { RenameStore } from './rename.store.js';
import { RepartitionSteps } from './repartition-steps.js';
import { Repartitioning } from './repartitioning.js';
import { ReplayStore } from './replay.store.js';
import { ReplayRequestStore } from './replay-request.store.js';
import { Replaying } from './replaying.js';

/**
 * Makes the service over the connections of admins. The engine has stores of its own over its connections.
 *
 * @param notifier tells this process that rows have become due
 */
export function consumerServiceOf(
  db: AdminDatabase,
  settings: IntegrationSettingsService,
  notifier: OutboxNotifier,
): ConsumerService {
  const admin = new ConsumerAdminStore(db);
  return new ConsumerService(
    new CursorStatusStore(db),
    new OverviewStore(db),
    admin,
    new InboxAdmin(new InboxAdminStore(db), new DiscardOneStore(db), notifier),
    new Replaying(new ReplayStore(db), new ReplayRequestStore(db)),
    new Repartitioning(new RepartitionSteps(db)),
    new RenameStore(db, admin),
    settings,
  );
}
