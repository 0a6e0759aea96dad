import { type Provider } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ConsumerService } from '../changes/consumer.service.js';
import { AdminDatabase } from '../database/admin-database.js';
import { EngineDatabase } from '../database/engine-database.js';
import { ChangeHistoryService } from '../history/change-history.service.js';
import { ConsumerPresence } from '../maintenance/consumer-presence.js';
import { DoctorService } from '../maintenance/doctor.js';
import { DoctorLook } from '../maintenance/doctor-look.js';
import { HourlyCounts } from '../maintenance/hourly-counts.js';
import { MaintenanceJob } from '../maintenance/maintenance.job.js';
import { MAINTENANCE_TASKS, type MaintenanceTask } from '../maintenance/maintenance-task.js';
import { MaintenanceTaskStore } from '../maintenance/maintenance-task.store.js';
import { OperatingRecords } from '../maintenance/operating-records.js';
import { OperatingRecordsStore } from '../maintenance/operating-records.store.js';
import { Retention } from '../maintenance/retention.js';
import { RetentionStore } from '../maintenance/retention.store.js';
import { UnconsumedNames } from '../maintenance/unconsumed-names.js';
import { UnroutedEventStore } from '../maintenance/unrouted-event.store.js';
import { UnroutedEvents } from '../maintenance/unrouted-events.js';
import {
  DEFAULT_UNSERVED_TIMES,
  UNSERVED_TIMES,
  UnservedConsumers,
} from '../maintenance/unserved-consumers.js';
import { ConsumerPresenceStore } from '../membership/consumer-presence.store.js';
import { ProblemService } from '../problems/problem.service.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { PartMeasures } from '../telemetry/part-measures.js';
import { PartGauges } from './engine-extensions.js';
import { doctorAdditionsOf, gaugesOf, measuresOf, tasksOf } from './extension.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from './integration.options.js';

/** The providers of retention and the other regular tasks, and of those who say what is wrong. */
export const MAINTENANCE: Provider[] = [
  MaintenanceTaskStore,
  RetentionStore,
  Retention,
  ConsumerPresenceStore,
  ConsumerPresence,
  UnroutedEventStore,
  UnroutedEvents,
  OperatingRecordsStore,
  OperatingRecords,
  HourlyCounts,
  UnconsumedNames,
  { provide: UNSERVED_TIMES, useValue: DEFAULT_UNSERVED_TIMES },
  UnservedConsumers,
  {
    provide: MAINTENANCE_TASKS,
    inject: [
      ConsumerPresence,
      Retention,
      UnroutedEvents,
      OperatingRecords,
      HourlyCounts,
      EngineDatabase,
      IntegrationSettingsService,
      MaintenanceTaskStore,
      DoctorService,
      RESOLVED_OPTIONS,
      ModuleRef,
    ],
    useFactory: (
      presence: ConsumerPresence,
      retention: Retention,
      unrouted: UnroutedEvents,
      records: OperatingRecords,
      hours: HourlyCounts,
      db: EngineDatabase,
      settings: IntegrationSettingsService,
      tasks: MaintenanceTaskStore,
      doctor: DoctorService,
      { extensions, telemetry }: ResolvedOptions,
      application: ModuleRef,
    ): MaintenanceTask[] => [
      presence,
      retention,
      unrouted,
      // Before the records: those of the minutes that the hours are made of are deleted there.
      hours,
      records,
      // Only metrics have a use for it.
      ...(telemetry.metrics ? [new DoctorLook(tasks, doctor)] : []),
      ...tasksOf(extensions, { db, settings, tasks, application }),
    ],
  },
  MaintenanceJob,
  {
    provide: PartGauges,
    inject: [EngineDatabase, IntegrationSettingsService, MaintenanceTaskStore, RESOLVED_OPTIONS],
    useFactory: (
      db: EngineDatabase,
      settings: IntegrationSettingsService,
      tasks: MaintenanceTaskStore,
      { extensions }: ResolvedOptions,
    ) => new PartGauges(gaugesOf(extensions, { db, settings, tasks })),
  },
  {
    provide: PartMeasures,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ extensions }: ResolvedOptions) => measuresOf(extensions),
  },
  {
    provide: DoctorService,
    inject: [AdminDatabase, IntegrationSettingsService, RESOLVED_OPTIONS],
    useFactory: (db: AdminDatabase, settings: IntegrationSettingsService, { extensions }: ResolvedOptions) =>
      new DoctorService(db, { settings, added: doctorAdditionsOf(extensions) }),
  },
  {
    provide: ChangeHistoryService,
    inject: [AdminDatabase],
    useFactory: (db: AdminDatabase) => new ChangeHistoryService(db),
  },
  {
    provide: ProblemService,
    inject: [AdminDatabase, ConsumerService, DoctorService],
    useFactory: (db: AdminDatabase, consumers: ConsumerService, doctor: DoctorService) =>
      new ProblemService(db, consumers, doctor),
  },
];
