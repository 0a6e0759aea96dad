import type { Logger } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import {
  AUTHOR_FIELDS,
  type Author,
  authorFrom,
  authorOf,
  type ChangeAuthor,
} from '../audit/change-author.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { checkNames, checkPosition, pageSizeOf } from '../words/argument-checks.js';
import { loggerOf } from '../words/engine-logger.js';
import { DEFAULT_ENGINE } from '../words/engine-name.js';
import { pageOf } from '../words/page-of.js';
import { type GivenSetting, SettingCatalog } from './setting-catalog.js';
import type { SettingDefinition, SettingGroup } from './setting-group.js';
import { factsOf, type SettingFacts } from './setting-view.js';
import { SettingsStore } from './settings.store.js';
import type {
  SettingHistoryPage,
  SettingHistoryRequest,
  SettingsChangeOptions,
  SettingsPreview,
  SettingValues,
} from './settings-change.js';
import { OUTBOX_SETTINGS, type OutboxSettings, type SettingKey } from './settings-definitions.js';
import { SettingsInForce } from './settings-in-force.js';
import { type ResolvedGroup, type SettingSource, type SettingSources } from './settings-resolution.js';
import { REMOVED, StoredSettings } from './stored-settings.js';

/** The full key of a setting (`core.integration.outbox.batchSize`). */
export type FullSettingKey<K extends SettingKey = SettingKey> = `core.integration.outbox.${K}`;

/**
 * The settings of groups that are added to the engine's own, by their full keys. Whoever adds a group of
 * settings adds its keys to this interface. The interface exists for the compiler only:
 *
 * ```ts
 * declare module '../settings/integration-settings.service.js' {
 *   interface AddedSettings { 'core.integration.webhooks.maxAttempts': number }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface AddedSettings {}

/** One setting, with the value that is in force. */
export interface SettingView extends SettingFacts {
  /** The full key. */
  key: FullSettingKey | keyof AddedSettings;
}

/** The value of a setting changed in this process. */
export interface SettingChange {
  key: FullSettingKey | keyof AddedSettings;
  value: boolean | number | string;
  previousValue: boolean | number | string;
  source: SettingSource;
}

/**
 * The settings. A value comes from the database, else from the environment, else from `@nestjs/config`, else
 * from the module's options, else from the defaults. A change in the database reaches every running process
 * within two seconds, whether it is made through this service or by plain SQL.
 */
export class IntegrationSettingsService {
  /** @internal */
  readonly engine: string;
  /** Emits once for each setting whose value changed, whoever changed it. */
  readonly changes$: Observable<SettingChange>;

  private readonly changes = new Subject<SettingChange>();
  private readonly store: SettingsStore;
  private readonly logger: Logger;
  private storedText = '[]';
  private lastReadAt = Number.NEGATIVE_INFINITY;
  private readonly catalog: SettingCatalog;
  private readonly stored: StoredSettings;
  private current: SettingsInForce;

  /**
   * @param added the groups that are added to the engine's own
   * @param admin the connections over which settings are changed and their history is read
   */
  constructor(
    db: EngineDatabase,
    private readonly sources: SettingSources = {},
    added: readonly SettingGroup[] = [],
    admin: EngineDatabase = db,
  ) {
    this.changes$ = this.changes.asObservable();
    this.engine = sources.engine ?? DEFAULT_ENGINE;
    this.logger = loggerOf('IntegrationSettings', this);
    this.store = new SettingsStore(db, db.schema);
    this.catalog = new SettingCatalog([OUTBOX_SETTINGS, ...added]);
    this.stored = new StoredSettings(admin, this.catalog, sources);
    this.current = new SettingsInForce(this.catalog.groups, {}, sources);
    this.warn(this.current.problems);
  }

  /**
   * The value that is in force. The key may be given in full or without its prefix. Throws
   * INTEGRATION_SETTING_UNKNOWN if there is no such setting.
   */
  get<K extends SettingKey>(key: K | FullSettingKey<K>): OutboxSettings[K] {
    const { group, short } = this.catalog.find(key);
    return this.current.of(group).values[short] as OutboxSettings[K];
  }

  /** Every setting, with its value, its default and the source of its value. */
  getAll(): SettingView[] {
    return this.catalog.groups.flatMap((group) =>
      group.keys.map((key) => viewOf(group, key, this.current.of(group), this.engine)),
    );
  }

  /** One setting, by its full key. The engine's own settings are also found without the prefix. */
  view(key: string): SettingView {
    const { group, short } = this.catalog.find(key);
    return viewOf(group, short, this.current.of(group), this.engine);
  }

  /** The kind of value that a setting takes, or undefined if there is no such setting. */
  definitionOf(key: string): SettingDefinition | undefined {
    const found = this.catalog.lookUp(key);
    return found?.group.definitionOf(found.short);
  }

  /** One sentence for each value that is ignored because it is wrong. */
  get problems(): readonly string[] {
    return this.current.problems;
  }

  /**
   * All values that are in force. The object is frozen, and a change replaces it. A caller that keeps the
   * object therefore keeps the values of one moment.
   */
  snapshot(): Readonly<OutboxSettings> {
    return this.current.own;
  }

  /** All values of an added group, as `snapshot()` gives them for the engine's own. */
  snapshotOf<T extends object>(group: SettingGroup<T>): Readonly<T> {
    return this.current.of(group).values as Readonly<T>;
  }

  /**
   * Stores a value, which then wins over every other source. `changedBy` names the author for history and
   * audit; an author may also say why.
   *
   * @throws IntegrationError INTEGRATION_SETTING_UNKNOWN, or INTEGRATION_SETTING_INVALID with the reason.
   * Nothing is stored then.
   */
  async set(
    key: FullSettingKey | SettingKey | (string & {}),
    value: unknown,
    changedBy: string | ChangeAuthor = {},
  ): Promise<void> {
    await this.changeAll([{ ...this.catalog.find(key), value }], [], authorFrom(changedBy));
  }

  /**
   * Removes the stored value, so that the next source holds again. Nothing happens if there is no stored
   * value.
   */
  async reset(
    key: FullSettingKey | SettingKey | (string & {}),
    changedBy: string | ChangeAuthor = {},
  ): Promise<void> {
    await this.changeAll([{ ...this.catalog.find(key), value: REMOVED }], [], authorFrom(changedBy));
  }

  /**
   * Stores and removes several values in one transaction: all of them, or none. Bounds between settings are
   * judged by the values after the change. Resolves to the settings that were named.
   *
   * @throws IntegrationError INTEGRATION_SETTING_UNKNOWN; INTEGRATION_SETTING_INVALID, with one entry of
   * `details.problems` for each wrong value; INTEGRATION_SETTING_CONFLICT if a value is not the expected one
   */
  async change(values: SettingValues, options: SettingsChangeOptions = {}): Promise<SettingView[]> {
    checkNames('an option of change', options, ['expected', ...AUTHOR_FIELDS]);
    const { expected = {}, ...author } = options;
    const wanted = this.wanted(values);
    await this.changeAll(wanted, this.catalog.findAll(expected), authorOf(author));
    return wanted.map(({ key }) => this.view(key));
  }

  /**
   * Says in words what a change would do to this process, and stores nothing: "An idle process looks 120
   * times an hour instead of 12."
   *
   * @throws IntegrationError INTEGRATION_SETTING_UNKNOWN
   */
  async preview(values: SettingValues): Promise<SettingsPreview> {
    const wanted = this.wanted(values);
    const stored = await this.stored.readAll();
    const problems = this.stored.problemsOf(wanted, stored);
    return { problems, effects: problems.length > 0 ? [] : this.stored.effectsOf(wanted, stored) };
  }

  /**
   * Returns a page of changes, the latest first: who changed what, from what to what, when and why. It has
   * the changes by plain SQL as well.
   *
   * @throws IntegrationError INTEGRATION_SETTING_UNKNOWN, or INTEGRATION_ADMIN_INVALID for an invalid page
   */
  async history(request: SettingHistoryRequest = {}): Promise<SettingHistoryPage> {
    checkNames('an option of history', request, ['key', 'limit', 'after']);
    checkPosition('after', request.after);
    const limit = pageSizeOf(request.limit);
    const keys = request.key === undefined ? this.catalog.keys : [this.catalog.find(request.key).key];
    const found = await this.stored.history(keys, request.after, limit + 1);
    const { rows: entries, next } = pageOf(found, limit, ({ id }) => id);
    return { entries, next };
  }

  /**
   * Returns to the state after a change of the history: the setting gets the value that was stored then, or
   * none if it was removed then.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID if there is no such change;
   * INTEGRATION_SETTING_INVALID if the value is not allowed any more; INTEGRATION_SETTING_CONFLICT if a value
   * is not the expected one
   */
  async restore(changeId: number, options: SettingsChangeOptions = {}): Promise<SettingView> {
    checkNames('an option of restore', options, ['expected', ...AUTHOR_FIELDS]);
    const { expected = {}, ...author } = options;
    const { key, to } = await this.stored.changeOf(changeId);
    const wanted = [{ ...this.catalog.find(key), value: to ?? REMOVED }];
    await this.changeAll(wanted, this.catalog.findAll(expected), authorOf(author));
    return this.view(key);
  }

  /** Reads the stored settings and puts them in force, over the connections of the engine or of admins. */
  async load(over: 'engine' | 'admin' = 'engine'): Promise<void> {
    const readAt = performance.now();
    this.applyStored(await (over === 'admin' ? this.stored : this.store).readAll(), readAt);
  }

  /**
   * Puts stored settings in force that somebody else has read. `raw` maps full keys to values. The call is
   * cheap when nothing changed. `readAt` is `performance.now()` from before the read was sent. A read that
   * was sent before the latest one that is in force is ignored, because it may not contain a change that the
   * latest one has seen.
   */
  applyStored(raw: Readonly<Record<string, unknown>>, readAt: number = performance.now()): void {
    if (readAt < this.lastReadAt) return;
    this.lastReadAt = readAt;
    const text = JSON.stringify(Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (text === this.storedText) return;
    this.storedText = text;
    const previous = this.current;
    this.current = new SettingsInForce(this.catalog.groups, raw, this.sources);
    // Only problems that are new are logged.
    this.warn(this.current.problems.filter((problem) => !previous.problems.includes(problem)));
    for (const group of this.catalog.groups)
      for (const change of changesBetween(group, previous, this.current)) this.changes.next(change);
  }

  private wanted(values: SettingValues): GivenSetting[] {
    return this.catalog
      .findAll(values)
      .map((each) => (each.value === null ? { ...each, value: REMOVED } : each));
  }

  private async changeAll(
    wanted: readonly GivenSetting[],
    expected: readonly GivenSetting[],
    author: Author,
  ): Promise<void> {
    await this.stored.change(wanted, expected, author);
    await this.load();
  }

  private warn(problems: readonly string[]): void {
    for (const problem of problems) this.logger.warn(problem);
  }
}

function viewOf(group: SettingGroup, key: string, resolved: ResolvedGroup, engine: string): SettingView {
  const facts = factsOf(group, key, resolved, engine);
  return { key: (group.prefix + key) as SettingView['key'], ...facts };
}

function changesBetween(
  group: SettingGroup,
  before: SettingsInForce,
  after: SettingsInForce,
): SettingChange[] {
  const [old, now] = [before.of(group), after.of(group)];
  return group.keys
    .filter((key) => old.values[key] !== now.values[key])
    .map((key) => {
      const { default: standard } = group.definitionOf(key);
      return {
        key: (group.prefix + key) as SettingView['key'],
        value: now.values[key] ?? standard,
        previousValue: old.values[key] ?? standard,
        source: now.sources[key] ?? 'default',
      };
    });
}
