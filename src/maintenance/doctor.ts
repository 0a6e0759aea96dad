import type { EngineDatabase } from '../database/engine-database.js';
import { type MigrationLine, readMigrationFiles } from '../database/migrations/migration-files.js';
import { migrationStatus } from '../database/migrations/migration-status.js';
import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { IntegrationError, messageOf } from '../errors.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingGroup } from '../settings/setting-group.js';
import { adminWorkChecks } from './admin-work-checks.js';
import { consumerChecks } from './consumer-checks.js';
import { type Check, type Examination, type Found, findingOf, NotChecked } from './finding.js';
import { type LogThresholds, logChecks } from './log-checks.js';
import { type MaintenanceTask, type MaintenanceTools, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';
import { schemaChecks } from './schema-checks.js';
import { ServerFitness, type Unfitness } from './server-fitness.js';
import { switchesCheck } from './switches.js';

export interface DoctorOptions extends Partial<LogThresholds> {
  /** The settings of the application. The default is a service that knows no options of an application. */
  settings?: IntegrationSettingsService | undefined;
  /** The source of settings that the database does not have. The default is `process.env`. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Whether every row of the inbox is looked at, however many there are. By default some checks look at the
   * oldest and the newest rows of each consumer.
   */
  thorough?: boolean | undefined;
  /** What extensions add to the examination. */
  added?: DoctorAdditions | undefined;
}

/**
 * The lines of migrations, groups of settings, tasks and checks that an examination covers in addition to the
 * engine's.
 */
export interface DoctorAdditions {
  readonly lines: readonly MigrationLine[];
  readonly groups: readonly SettingGroup[];
  readonly tasks: (tools: MaintenanceTools) => readonly MaintenanceTask[];
  readonly checks: (tools: MaintenanceTools) => readonly Check[];
}

/** Rows of the inbox whose events are looked up in the log. */
const MOST_ROWS = 4_000;
const ALL_ROWS = 1_000_000_000;

const THRESHOLDS: LogThresholds = { openTransactionSeconds: 60, snapshotSeconds: 3_600 };

/**
 * Examines a live database: whether everything that the engine relies on holds. It only reads. Every check is
 * one or two statements that see one moment, so processes that work at the same time cause no finding.
 */
export class DoctorService {
  private examining: Promise<Examination> | undefined;

  constructor(
    private readonly db: EngineDatabase,
    private readonly options: DoctorOptions = {},
  ) {}

  /**
   * Makes every check, one after the other. Calls that come while an examination is under way get its result.
   * A check that takes longer than a read of an admin may take counts as not made.
   */
  examine(): Promise<Examination> {
    this.examining ??= this.examineAll().finally(() => {
      this.examining = undefined;
    });
    return this.examining;
  }

  private async examineAll(): Promise<Examination> {
    const examination: Examination = {
      schema: this.db.schema,
      at: new Date(),
      findings: [],
      checked: [],
      notChecked: [],
    };
    const { added, environment } = this.options;
    const files = await readMigrationFiles(added?.lines);
    const { state } = await migrationStatus(this.db, this.db.schema, files);
    const [migrations, ...schema] = schemaChecks(this.db, files);
    if (migrations !== undefined) await make(migrations, examination);
    // Without the tables of this version, every other check would report the same problem again.
    if (state === 'missing' || state === 'outdated' || state === 'unreleased') return examination;
    const settings =
      this.options.settings ??
      new IntegrationSettingsService(this.db, { environment, engine: this.db.engine }, added?.groups);
    await make(settingsCheck(settings, this.db), examination);
    for (const check of [...schema, ...this.checks(settings)]) await make(check, examination);
    examination.at = new Date();
    return examination;
  }

  private checks(settings: IntegrationSettingsService): Check[] {
    const tools = { db: this.db, settings, tasks: new MaintenanceTaskStore(this.db) };
    const { added, thorough } = this.options;
    const ofParts = (added?.tasks(tools) ?? []).map(({ name }) => name);
    const tasks = { own: OWN_TASKS, ofParts };
    return [
      switchesCheck(this.db, settings),
      ...fitnessChecks(this.db),
      ...logChecks(this.db, { ...THRESHOLDS, ...this.options }),
      ...consumerChecks(this.db, settings.snapshot(), tasks, thorough === true ? ALL_ROWS : MOST_ROWS),
      ...adminWorkChecks(this.db),
      ...(added?.checks(tools) ?? []),
    ];
  }
}

function fitnessChecks(db: EngineDatabase): Check[] {
  const fitness = new ServerFitness(db);
  const findings = (problem: Unfitness | undefined): Found[] => {
    if (problem === undefined) return [];
    const { code, details, ...found } = problem;
    return [{ ...found, details: { code, ...details } }];
  };
  return [
    {
      name: 'row-security',
      severity: 'critical',
      run: async () => findings(await fitness.hiddenRows()),
    },
    {
      name: 'writers-visible',
      severity: 'critical',
      run: async () => findings(await fitness.writersUnseen()),
    },
  ];
}

async function make(check: Check, examination: Examination): Promise<void> {
  const { name } = check;
  try {
    const found = await check.run();
    examination.findings.push(...found.map((each) => findingOf(check, each)));
    examination.checked.push(name);
  } catch (error) {
    const isLate = error instanceof IntegrationError && error.code === 'INTEGRATION_ADMIN_TIMEOUT';
    if (error instanceof NotChecked || isLate) {
      examination.notChecked.push({ check: name, reason: error.message });
      return;
    }
    const failed: Found = {
      severity: 'warning',
      finding: `The check could not be made: ${messageOf(error)}.`,
      meaning: 'Whether what it looks at is well is not known.',
      fix: 'Grant the role what it lacks, or bring the tables back into the form that the migrations gave them.',
      details: {},
    };
    examination.findings.push(findingOf(check, failed));
  }
}

const STORED = /^stored setting (\S+)/;

function settingsCheck(service: IntegrationSettingsService, target: CommandTarget): Check {
  return {
    name: 'settings',
    run: async () => {
      await service.load('admin');
      return service.problems.map((problem): Found => {
        const key = STORED.exec(problem)?.[1];
        const isStored = key !== undefined && service.definitionOf(key) !== undefined;
        return {
          about: [key ?? problem],
          finding: `A setting is not as it should be: ${problem}.`,
          meaning: 'The next source, or the default, holds in its place.',
          fix: `Correct it where it stands; a stored one with: ${commandLine(target, 'settings set <key> <value>')}, or ${commandLine(target, 'settings reset <key>')}`,
          ...(isStored
            ? { action: { service: 'IntegrationSettingsService', method: 'reset', arguments: [key] } }
            : {}),
          details: { problem },
        };
      });
    },
  };
}
