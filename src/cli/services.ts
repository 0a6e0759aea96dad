import { AuditService } from '../audit/audit.service.js';
import { AdminCountStore } from '../changes/admin-count.store.js';
import type { ConsumerService } from '../changes/consumer.service.js';
import { consumerServiceOf } from '../changes/consumer-service-of.js';
import { OperationService } from '../changes/operations/operation.service.js';
import { RehearsalService } from '../changes/rehearsals/rehearsal.service.js';
import type { AdminDatabase } from '../database/admin-database.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { verifyMigrations } from '../database/migrations/migration-runner.js';
import { ChangeHistoryService } from '../history/change-history.service.js';
import { EventLookService } from '../log/event-look.service.js';
import { EventLookStore } from '../log/event-look.store.js';
import { DoctorService } from '../maintenance/doctor.js';
import { ProcessService } from '../membership/process.service.js';
import { doctorAdditionsOf, linesOf, operationKindsOf, settingGroupsOf } from '../module/extension.js';
import { ProblemService } from '../problems/problem.service.js';
import { ConsumerRatesService } from '../rates/consumer-rates.service.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { ConsumerBacklogService } from '../status/consumer-backlog.service.js';
import { FailureGroupService } from '../status/failure-group.service.js';
import { FlowService } from '../status/flow.service.js';
import { JourneyService } from '../status/journey.service.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import type { CommandContext } from './command.js';

/** The services as an application has them, and what only commands need. */
export interface CommandServices {
  readonly db: EngineDatabase;
  readonly admin: AdminDatabase;
  /** As the application would see them, without the values that the application's code gives. */
  readonly settings: IntegrationSettingsService;
  /**
   * It notifies no process. The processes that work on a consumer see a change with their next heartbeat.
   */
  readonly consumers: ConsumerService;
  readonly counts: AdminCountStore;
  readonly backlogs: ConsumerBacklogService;
  readonly failures: FailureGroupService;
  readonly flow: FlowService;
  readonly journeys: JourneyService;
  readonly problems: ProblemService;
  readonly history: ChangeHistoryService;
  readonly rates: ConsumerRatesService;
  readonly operations: OperationService;
  readonly rehearsals: RehearsalService;
  readonly processes: ProcessService;
  readonly events: EventLookService;
  readonly audit: AuditService;
}

/** Provides the services while `work` runs, on tables that belong to this version. */
export function withServices<R>(
  { withDatabase, environment, extensions }: CommandContext,
  work: (services: CommandServices) => Promise<R>,
): Promise<R> {
  return withDatabase(async (db, admin) => {
    await verifyMigrations(db, linesOf(extensions));
    const sources = { environment, engine: db.engine };
    const settings = new IntegrationSettingsService(db, sources, settingGroupsOf(extensions), admin);
    await settings.load();
    const operations = new OperationService(admin, operationKindsOf(extensions));
    const consumers = consumerServiceOf(admin, settings, new OutboxNotifier(), operations);
    const added = doctorAdditionsOf(extensions);
    const doctor = new DoctorService(admin, { settings, environment, added });
    return work({
      db,
      admin,
      settings,
      consumers,
      counts: new AdminCountStore(db),
      backlogs: new ConsumerBacklogService(admin),
      failures: new FailureGroupService(admin),
      flow: new FlowService(admin),
      journeys: new JourneyService(admin),
      // Nobody sees a later answer, so the examination is waited for.
      problems: new ProblemService(admin, consumers, doctor, Number.POSITIVE_INFINITY),
      history: new ChangeHistoryService(admin),
      rates: new ConsumerRatesService(admin),
      operations,
      rehearsals: new RehearsalService(admin, settings),
      processes: new ProcessService(admin, settings),
      events: new EventLookService(new EventLookStore(admin)),
      audit: new AuditService(admin),
    });
  });
}
