import { type Provider } from '@nestjs/common';
import { AdminTasks } from '../consumers/admin-tasks.js';
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

/** The services by which admins manage consumers. */
export const CONSUMERS: Provider[] = [
  CursorStatusStore,
  ConsumerAdminStore,
  InboxAdminStore,
  DiscardOneStore,
  InboxAdmin,
  ReplayStore,
  ReplayRequestStore,
  Replaying,
  RepartitionSteps,
  Repartitioning,
  RenameStore,
  AdminTasks,
];
