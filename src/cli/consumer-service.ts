import { ConsumerService } from '../consumers/consumer.service.js';
import { ConsumerAdminStore } from '../consumers/consumer-admin.store.js';
import { CursorStatusStore } from '../consumers/cursor-status.store.js';
import { DiscardOneStore } from '../consumers/discard-one.store.js';
import { InboxAdmin } from '../consumers/inbox-admin.js';
import { InboxAdminStore } from '../consumers/inbox-admin.store.js';
import { RenameStore } from '../consumers/rename.store.js';
import { RepartitionSteps } from '../consumers/repartition-steps.js';
import { Repartitioning } from '../consumers/repartitioning.js';
import { ReplayStore } from '../consumers/replay.store.js';
import { ReplayRequestStore } from '../consumers/replay-request.store.js';
import { Replaying } from '../consumers/replaying.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';

/** Makes the service as Nest does in an application. Its notifier has no listeners here. */
export function consumerServiceOf(db: EngineDatabase, settings: IntegrationSettingsService): ConsumerService {
  const admin = new ConsumerAdminStore(db);
  return new ConsumerService(
    new CursorStatusStore(db),
    admin,
    new InboxAdmin(new InboxAdminStore(db), new DiscardOneStore(db), new OutboxNotifier()),
    new Replaying(new ReplayStore(db), new ReplayRequestStore(db)),
    new Repartitioning(new RepartitionSteps(db)),
    new RenameStore(db, admin),
    settings,
  );
}
