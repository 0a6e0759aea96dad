import type { Logger } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import type { EngineSession } from '../database/engine-database.js';
import { DEFAULT_ENGINE, loggerOf, variablePrefixOf } from '../database/engine-name.js';
import { IntegrationError } from '../errors.js';
import { suggestionFor } from '../events/known-names.js';
import type { SettingDefinition, SettingGroup } from './setting-group.js';
import { SettingsStore } from './settings.store.js';
import {
  OUTBOX_SETTINGS,
  type OutboxSettings,
  SETTING_PREFIX,
  type SettingKey,
} from './settings-definitions.js';
import {
  type ResolvedGroup,
  type ResolvedSettings,
  reasonAgainst,
  resolveGroup,
  type SettingSource,
  type SettingSources,
  unknownKeys,
} from './settings-resolution.js';

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
export interface SettingView {
  /** The full key. */
  key: FullSettingKey | keyof AddedSettings;
  value: boolean | number;
  default: boolean | number;
  source: SettingSource;
  /** `ms` and `days` are units. `events` and `count` are plain numbers. */
  type: SettingDefinition['type'];
  /** The bounds of a number. Both are allowed values. */
  min?: number;
  max?: number;
  /** The name of its environment variable. */
  environmentName: string;
}

/** The value of a setting changed in this process. */
export interface SettingChange {
  key: FullSettingKey | keyof AddedSettings;
  value: boolean | number;
  previousValue: boolean | number;
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
  private readonly groups: readonly SettingGroup[];
  private current: Current;

  /** @param added the groups that are added to the engine's own */
  constructor(
    db: EngineSession & { readonly schema: string },
    private readonly sources: SettingSources = {},
    added: readonly SettingGroup[] = [],
  ) {
    this.changes$ = this.changes.asObservable();
    this.engine = sources.engine ?? DEFAULT_ENGINE;
    this.logger = loggerOf('IntegrationSettings', this);
    this.store = new SettingsStore(db, db.schema);
    this.groups = [OUTBOX_SETTINGS, ...added];
    this.current = this.resolve({});
    this.warn(this.current.problems);
  }

  /**
   * The value that is in force. The key may be given in full or without its prefix. Throws
   * INTEGRATION_SETTING_UNKNOWN if there is no such setting.
   */
  get<K extends SettingKey>(key: K | FullSettingKey<K>): OutboxSettings[K] {
    const { group, short } = this.find(key);
    return this.of(group).values[short] as OutboxSettings[K];
  }

  /** Every setting, with its value, its default and the source of its value. */
  getAll(): SettingView[] {
    return this.groups.flatMap((group) => group.keys.map((key) => this.viewOf(group, key)));
  }

  /** One setting, by its full key. The engine's own settings are also found without the prefix. */
  view(key: string): SettingView {
    const { group, short } = this.find(key);
    return this.viewOf(group, short);
  }

  /** The kind of value that a setting takes, or undefined if there is no such setting. */
  definitionOf(key: string): SettingDefinition | undefined {
    const found = this.lookUp(key);
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
    return this.current.own.values;
  }

  /** All values of an added group, as `snapshot()` gives them for the engine's own. */
  snapshotOf<T extends object>(group: SettingGroup<T>): Readonly<T> {
    return this.of(group).values as Readonly<T>;
  }

  /**
   * Stores a value, which then wins over every other source. `changedBy` names the author for the audit.
   * Throws INTEGRATION_SETTING_UNKNOWN, or INTEGRATION_SETTING_INVALID with the reason. Nothing is stored
   * when it throws.
   */
  async set(
    key: FullSettingKey | SettingKey | (string & {}),
    value: unknown,
    changedBy: string,
  ): Promise<void> {
    const { group, short } = this.find(key);
    await this.load();
    const inFull = group.prefix + short;
    const reason = reasonAgainst(short, value, this.of(group), group);
    if (reason !== undefined) {
      throw new IntegrationError('INTEGRATION_SETTING_INVALID', `${inFull} ${reason}`, {
        key: inFull,
        reason,
      });
    }
    await this.store.writeValue(inFull, value, changedBy);
    await this.load();
  }

  /**
   * Removes the stored value, so that the next source holds again. Nothing happens if there is no stored
   * value.
   */
  async reset(key: FullSettingKey | SettingKey | (string & {}), changedBy = ''): Promise<void> {
    const { group, short } = this.find(key);
    await this.store.deleteValue(group.prefix + short, changedBy);
    await this.load();
  }

  /** Reads the stored settings and puts them in force. */
  async load(): Promise<void> {
    const readAt = performance.now();
    this.applyStored(await this.store.readAll(), readAt);
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
    this.current = this.resolve(raw);
    // Only problems that are new are logged.
    this.warn(this.current.problems.filter((problem) => !previous.problems.includes(problem)));
    for (const group of this.groups)
      for (const change of changesBetween(group, previous, this.current)) this.changes.next(change);
  }

  private resolve(stored: Readonly<Record<string, unknown>>): Current {
    const resolved = this.groups.map((group) => [group, resolveGroup(group, stored, this.sources)] as const);
    const byGroup = new Map(resolved);
    return {
      byGroup,
      own: byGroup.get(OUTBOX_SETTINGS) as ResolvedSettings,
      problems: [
        ...unknownKeys(this.groups, stored, this.sources),
        ...resolved.flatMap(([, { problems }]) => problems),
      ],
    };
  }

  private of(group: SettingGroup): ResolvedGroup {
    const found = this.current.byGroup.get(group);
    if (found === undefined)
      throw new Error(`the settings of ${group.name} were not brought to this service`);
    return found;
  }

  private find(key: string): { group: SettingGroup; short: string } {
    const found = this.lookUp(key);
    if (found !== undefined) return found;
    const own = OUTBOX_SETTINGS.keys;
    const added = this.groups.slice(1).flatMap((group) => group.keys.map((each) => group.prefix + each));
    throw new IntegrationError(
      'INTEGRATION_SETTING_UNKNOWN',
      `${JSON.stringify(key)} is not a setting; there are: ${own.join(', ')} (prefix ${SETTING_PREFIX})${added.map((each) => `, ${each}`).join('')}${suggestionFor(key.replace(SETTING_PREFIX, ''), [...own, ...added])}`,
      { key },
    );
  }

  private lookUp(key: string): { group: SettingGroup; short: string } | undefined {
    for (const group of this.groups) {
      const short = group.keyOfStored(key);
      if (short !== undefined) return { group, short };
    }
    const own = OUTBOX_SETTINGS.keyOfStored(SETTING_PREFIX + key);
    return own === undefined ? undefined : { group: OUTBOX_SETTINGS, short: own };
  }

  private viewOf(group: SettingGroup, key: string): SettingView {
    const environmentName = variablePrefixOf(this.engine) + group.environmentNameOf(key);
    return { ...viewOf(group, key, this.of(group)), environmentName };
  }

  private warn(problems: readonly string[]): void {
    for (const problem of problems) this.logger.warn(problem);
  }
}

/** The settings of every group in force. */
interface Current {
  readonly byGroup: ReadonlyMap<SettingGroup, ResolvedGroup>;
  readonly own: Pick<ResolvedSettings, 'values'>;
  readonly problems: readonly string[];
}

function viewOf(
  group: SettingGroup,
  key: string,
  { values, sources }: ResolvedGroup,
): Omit<SettingView, 'environmentName'> {
  const definition = group.definitionOf(key);
  return {
    key: (group.prefix + key) as SettingView['key'],
    value: values[key] ?? definition.default,
    default: definition.default,
    source: sources[key] ?? 'default',
    type: definition.type,
    ...(definition.type === 'boolean' ? {} : { min: definition.min, max: definition.max }),
  };
}

function changesBetween(group: SettingGroup, before: Current, after: Current): SettingChange[] {
  const [old, now] = [before.byGroup.get(group), after.byGroup.get(group)];
  return group.keys
    .filter((key) => old?.values[key] !== now?.values[key])
    .map((key) => {
      const { value, source, ...view } = viewOf(group, key, now as ResolvedGroup);
      return { key: view.key, value, previousValue: old?.values[key] ?? view.default, source };
    });
}
