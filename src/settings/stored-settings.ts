import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { IntegrationError } from '../errors.js';
import { checkPosition, invalidArgument } from '../words/argument-checks.js';
import type { GivenSetting, SettingCatalog } from './setting-catalog.js';
import { effectOf } from './setting-effects.js';
import type { SettingGroup } from './setting-group.js';
import type { SettingValue } from './setting-value.js';
import { type SettingHistoryEntry, SettingsStore } from './settings.store.js';
import { changeSentence, type SettingEffect, type SettingProblem } from './settings-change.js';
import {
  type ResolvedGroup,
  reasonAgainst,
  resolveGroup,
  type SettingSources,
} from './settings-resolution.js';

/** A new value, or `REMOVED` for the removal of the stored one. */
type Wanted = GivenSetting;
type Stored = Readonly<Record<string, unknown>>;

/** Stands for a value that is to be removed, so that the next source holds. */
export const REMOVED = Symbol('removed');

/**
 * Changes stored settings. Each change is one transaction that locks the table first. So what was checked is
 * still true when it is stored, also if somebody changes another setting by plain SQL at the same time. The
 * table can be read all the while.
 */
export class StoredSettings {
  private readonly store: SettingsStore;
  private readonly audit: AuditStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly catalog: SettingCatalog,
    private readonly sources: SettingSources,
  ) {
    this.store = new SettingsStore(db, db.schema);
    this.audit = new AuditStore(db);
  }

  /** Stores all of these values, or none. */
  async change(wanted: readonly Wanted[], expected: readonly GivenSetting[], author: Author): Promise<void> {
    if (wanted.length === 0) throw invalidArgument('Say which settings to change');
    await this.db.transaction(async (session) => {
      await this.store.lock(session);
      const stored = await this.store.readAll(session);
      await this.refuseConflicts(session, expected, stored);
      const problems = this.problemsOf(wanted, stored);
      if (problems.length > 0) throw invalidSettings(problems);
      await this.write(
        session,
        wanted.filter((each) => differs(each, stored)),
        stored,
        author,
      );
    });
  }

  /** What is wrong with these values, given what is stored. */
  problemsOf(wanted: readonly Wanted[], stored: Stored): SettingProblem[] {
    return this.catalog.groups.flatMap((group) => {
      const mine = wanted.filter((each) => each.group === group);
      const resolved = this.overlaid(group, mine, stored);
      return mine.flatMap(({ short, key, value }) => {
        if (value === REMOVED) return [];
        const reason = reasonAgainst(short, value, resolved, group);
        return reason === undefined ? [] : [{ key, reason }];
      });
    });
  }

  /** What these values would change of what is in force in this process. */
  effectsOf(wanted: readonly Wanted[], stored: Stored): SettingEffect[] {
    const next: Record<string, unknown> = { ...stored };
    for (const { key, value } of wanted) next[key] = value === REMOVED ? undefined : value;
    return this.catalog.groups.flatMap((group) => {
      const before = resolveGroup(group, stored, this.sources).values;
      const after = resolveGroup(group, next, this.sources).values;
      return group.keys
        .filter((short) => before[short] !== after[short])
        .map((short) => {
          const [from, to] = [before[short] as SettingValue, after[short] as SettingValue];
          return { key: group.prefix + short, from, to, effect: effectOf(group, short, to, from) };
        });
    });
  }

  readAll(): Promise<Stored> {
    return this.store.readAll(this.db);
  }

  history(
    keys: readonly string[],
    behind: number | undefined,
    limit: number,
  ): Promise<SettingHistoryEntry[]> {
    return this.store.history(this.db, keys, behind, limit);
  }

  /** A change of the history. Throws INTEGRATION_ADMIN_INVALID if there is none with this id. */
  async changeOf(id: number): Promise<{ key: string; to: unknown }> {
    checkPosition('changeId', id);
    const change = await this.store.changeOf(this.db, id);
    if (change !== undefined) return change;
    throw invalidArgument(`There is no change ${id} of a setting: the history lists those there are`, {
      field: 'changeId',
    });
  }

  /** The settings of a group as they are, with the removals made and the new values laid over them. */
  private overlaid(group: SettingGroup, wanted: readonly Wanted[], stored: Stored): ResolvedGroup {
    const kept: Record<string, unknown> = { ...stored };
    for (const { key, value } of wanted) if (value === REMOVED) delete kept[key];
    const resolved = resolveGroup(group, kept, this.sources);
    const [values, sources] = [{ ...resolved.values }, { ...resolved.sources }];
    for (const { short, value } of wanted) {
      if (value === REMOVED) continue;
      values[short] = value as SettingValue;
      sources[short] = 'database';
    }
    return { ...resolved, values, sources };
  }

  private async refuseConflicts(
    session: EngineSession,
    expected: readonly GivenSetting[],
    stored: Stored,
  ): Promise<void> {
    const conflicts = expected.flatMap(({ group, short, key, value }) => {
      const found = resolveGroup(group, stored, this.sources).values[short];
      return found === value ? [] : [{ key, expected: value, found }];
    });
    if (conflicts.length === 0) return;
    const [first] = conflicts;
    const [latest] = await this.store.history(session, first === undefined ? [] : [first.key], undefined, 1);
    // The value may come from another source by now, such as the environment. That has no history.
    const who = latest === undefined ? '' : ` ${changeSentence(latest)}.`;
    throw new IntegrationError(
      'INTEGRATION_SETTING_CONFLICT',
      `Somebody has changed ${first?.key} in the meantime: it is ${String(first?.found)}, and not ${String(first?.expected)}.${who} Nothing was changed. Look at the settings again, and decide again`,
      { conflicts },
    );
  }

  private async write(
    session: EngineSession,
    changed: readonly Wanted[],
    stored: Stored,
    author: Author,
  ): Promise<void> {
    const [only, ...others] = changed;
    if (only === undefined) return;
    for (const { key, value } of changed) {
      if (value === REMOVED) await this.store.deleteValue(session, key, author.actor);
      else await this.store.writeValue(session, key, value, author.actor);
    }
    await this.audit.add(session, author, {
      action: 'settings.change',
      target: others.length === 0 ? `setting/${only.key}` : 'settings',
      before: Object.fromEntries(changed.map(({ key }) => [key, stored[key] ?? null])),
      after: Object.fromEntries(changed.map(({ key, value }) => [key, value === REMOVED ? null : value])),
      affected: changed.length,
    });
  }
}

function differs({ key, value }: Wanted, stored: Stored): boolean {
  if (value === REMOVED) return key in stored;
  return JSON.stringify(value) !== JSON.stringify(stored[key]);
}

function invalidSettings(problems: readonly SettingProblem[]): IntegrationError {
  const [first] = problems;
  return new IntegrationError(
    'INTEGRATION_SETTING_INVALID',
    problems.map(({ key, reason }) => `${key} ${reason}`).join('; '),
    { key: first?.key, reason: first?.reason, problems },
  );
}
