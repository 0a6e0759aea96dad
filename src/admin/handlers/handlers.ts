import type { Handlers } from '../routes/route.js';
import { AuditHandlers } from './audit.handlers.js';
import { ChangesHandlers } from './changes.handlers.js';
import { ConsumerBacklogHandlers } from './consumer-backlog.handlers.js';
import { ConsumersHandlers } from './consumers.handlers.js';
import { DeadLettersHandlers } from './dead-letters.handlers.js';
import { DoctorHandlers } from './doctor.handlers.js';
import { EntitiesHandlers } from './entities.handlers.js';
import { EventsHandlers } from './events.handlers.js';
import { FailureGroupsHandlers } from './failure-groups.handlers.js';
import { FlowHandlers } from './flow.handlers.js';
import { OperationsHandlers } from './operations.handlers.js';
import { OverviewHandlers } from './overview.handlers.js';
import { ProblemsHandlers } from './problems.handlers.js';
import { ProcessesHandlers } from './processes.handlers.js';
import { RehearsalsHandlers } from './rehearsals.handlers.js';
import { SessionHandlers } from './session.handlers.js';
import { SettingsHandlers } from './settings.handlers.js';

/** The sections of the admin API that the engine has itself. */
export const HANDLERS: readonly Handlers[] = [
  SessionHandlers,
  OverviewHandlers,
  ProblemsHandlers,
  FlowHandlers,
  ConsumersHandlers,
  ConsumerBacklogHandlers,
  EventsHandlers,
  EntitiesHandlers,
  DeadLettersHandlers,
  FailureGroupsHandlers,
  RehearsalsHandlers,
  OperationsHandlers,
  SettingsHandlers,
  ProcessesHandlers,
  DoctorHandlers,
  AuditHandlers,
  ChangesHandlers,
];
