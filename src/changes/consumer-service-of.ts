import type { AdminDatabase } from '../database/admin-database.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { CursorStatusStore } from '../status/cursor-status.store.js';
import { OverviewStore } from '../status/overview.store.js';
import type { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import { InboxAdminStore } from './chosen/inbox-admin.store.js';
import { ConsumerService } from './consumer.service.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { DiscardOneStore } from './discard-one.store.js';
import { OneEvent } from './one-event.js';
import type { OperationService } from './operations/operation.service.js';
import { RenameStore } from './rename.store.js';
import { RepartitionSteps } from './repartition-steps.js';
import { Repartitioning } from './repartitioning.js';
import { ReplayStore } from './replay.store.js';

/**
 * Makes the service over the connections of admins. The engine has stores of its own over its connections.
 *
 * @param notifier tells this process that rows have become due
 */
export function consumerServiceOf(
  db: AdminDatabase,
  settings: IntegrationSettingsService,
  notifier: OutboxNotifier,
  operations: OperationService,
): ConsumerService {
  const admin = new ConsumerAdminStore(db);
  return new ConsumerService(
    new CursorStatusStore(db),
    new OverviewStore(db),
    admin,
    operations,
    new OneEvent(new InboxAdminStore(db), new DiscardOneStore(db), notifier),
    new ReplayStore(db),
    new Repartitioning(new RepartitionSteps(db)),
    new RenameStore(db, admin),
    settings,
  );
}
