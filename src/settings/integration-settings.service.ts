import { Logger } from '@nestjs/common';
import { type Observable, Subject } from 'rxjs';
import type { EngineSession } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { suggestionFor } from '../events/known-names.js';
import { SettingsStore } from './settings.store.js';
import {
  environmentNameOf,
  type OutboxSettings,
  SETTING_DEFINITIONS,
  SETTING_KEYS,
  SETTING_PREFIX,
  type SettingDefinition,
  type SettingKey,
  settingKeyOf,
} from './settings-definitions.js';
import {
  type ResolvedSettings,
  reasonAgainst,
  resolveSettings,
  type SettingSource,
  type SettingSources,
} from './settings-resolution.js';

/** A key in full (`core.integration.outbox.batchSize`). */
export type FullSettingKey<K extends SettingKey = SettingKey> = `core.integration.outbox.${K}`;

/** One setting as it is in force. */
export interface SettingView {
  /** In full. */
  key: FullSettingKey;
  value: boolean | number;
  default: boolean | number;
  source: SettingSource;
  /** `ms` and `days` are units, `events` and `count` plain numbers. */
  type: SettingDefinition['type'];
  /** Bounds of a number, both included. */
  min?: number;
  max?: number;
  /** Its environment variable. */
  environmentName: string;
}

/** A setting's value in force changed in this process. */
export interface SettingChange {
  key: FullSettingKey;
  value: boolean | number;
  previousValue: boolean | number;
  source: SettingSource;
}

/**
 * The settings, from the database, the environment or `@nestjs/config`, the module's options and the
 * defaults, in this order. A change in the database, through this service or by plain SQL, reaches every
 * running process within two seconds.
 */
export class IntegrationSettingsService {
  /** Emits once for each setting whose value in force changed, whoever changed it. */
  readonly changes$: Observable<SettingChange>;

  private readonly changes = new Subject<SettingChange>();
  private readonly store: SettingsStore;
  private readonly logger = new Logger('IntegrationSettings');
  private storedText = '[]';
  private lastReadAt = Number.NEGATIVE_INFINITY;
  private current: ResolvedSettings;

  constructor(
    db: EngineSession & { readonly schema: string },
    private readonly sources: SettingSources = {},
  ) {
    this.changes$ = this.changes.asObservable();
    this.store = new SettingsStore(db, db.schema);
    this.current = resolveSettings({}, sources);
    this.warn(this.current.problems);
  }

  /**
   * The value in force. The key in full or without prefix; INTEGRATION_SETTING_UNKNOWN if there is no such
   * setting.
   */
  get<K extends SettingKey>(key: K | FullSettingKey<K>): OutboxSettings[K] {
    return this.current.values[known(key) as K];
  }

  /** Every setting with its value in force, its default and where the value comes from. */
  getAll(): SettingView[] {
    return SETTING_KEYS.map((key) => {
      const definition: SettingDefinition = SETTING_DEFINITIONS[key];
      return {
        key: `${SETTING_PREFIX}${key}` as FullSettingKey,
        value: this.current.values[key],
        default: definition.default,
        source: this.current.sources[key],
        type: definition.type,
        ...(definition.type === 'boolean' ? {} : { min: definition.min, max: definition.max }),
        environmentName: environmentNameOf(key),
      };
    });
  }

  /** One sentence for each value that was passed over for being wrong. */
  get problems(): readonly string[] {
    return this.current.problems;
  }

  /**
   * All values in force at once. The object is frozen and replaced on a change, so holding it pins a moment.
   */
  snapshot(): Readonly<OutboxSettings> {
    return this.current.values;
  }

  /**
   * Stores a value; it wins over every other source. `changedBy` is who, for the audit. Throws
   * INTEGRATION_SETTING_UNKNOWN, or INTEGRATION_SETTING_INVALID with the reason, and then stores nothing.
   */
  async set(
    key: FullSettingKey | SettingKey | (string & {}),
    value: unknown,
    changedBy: string,
  ): Promise<void> {
    const short = known(key);
    await this.load();
    const reason = reasonAgainst(short, value, this.current);
    if (reason !== undefined) {
      throw new IntegrationError('INTEGRATION_SETTING_INVALID', `${SETTING_PREFIX}${short} ${reason}`, {
        key: `${SETTING_PREFIX}${short}`,
        reason,
      });
    }
    await this.store.writeValue(SETTING_PREFIX + short, value, changedBy);
    await this.load();
  }

  /** Removes the stored value, so that the next source holds again. Harmless if there is none. */
  async reset(key: FullSettingKey | SettingKey | (string & {}), changedBy = ''): Promise<void> {
    await this.store.deleteValue(SETTING_PREFIX + known(key), changedBy);
    await this.load();
  }

  /** Reads the stored settings and puts them in force. */
  async load(): Promise<void> {
    const readAt = performance.now();
    this.applyStored(await this.store.readAll(), readAt);
  }

  /**
   * Puts stored settings in force that somebody else read, as one object from full key to value. Cheap when
   * nothing changed. `readAt` is `performance.now()` from before the read was sent: a read that was sent
   * before one whose result is in force already may not know of a change that this one saw, and is dropped.
   */
  applyStored(raw: Readonly<Record<string, unknown>>, readAt: number = performance.now()): void {
    if (readAt < this.lastReadAt) return;
    this.lastReadAt = readAt;
    const text = JSON.stringify(Object.entries(raw).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (text === this.storedText) return;
    this.storedText = text;
    const previous = this.current;
    this.current = resolveSettings(raw, this.sources);
    // What was wrong before was said before.
    this.warn(this.current.problems.filter((problem) => !previous.problems.includes(problem)));
    for (const change of changesBetween(previous, this.current)) this.changes.next(change);
  }

  private warn(problems: readonly string[]): void {
    for (const problem of problems) this.logger.warn(problem);
  }
}

function known(key: string): SettingKey {
  const short = settingKeyOf(key);
  if (short !== undefined) return short;
  throw new IntegrationError(
    'INTEGRATION_SETTING_UNKNOWN',
    `${JSON.stringify(key)} is not a setting; there are: ${SETTING_KEYS.join(', ')} (prefix ${SETTING_PREFIX})${suggestionFor(key.replace(SETTING_PREFIX, ''), SETTING_KEYS)}`,
    { key },
  );
}

function changesBetween(before: ResolvedSettings, after: ResolvedSettings): SettingChange[] {
  return SETTING_KEYS.filter((key) => before.values[key] !== after.values[key]).map((key) => ({
    key: `${SETTING_PREFIX}${key}` as FullSettingKey,
    value: after.values[key],
    previousValue: before.values[key],
    source: after.sources[key],
  }));
}
