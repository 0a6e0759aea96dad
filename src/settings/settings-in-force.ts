import type { SettingGroup } from './setting-group.js';
import { OUTBOX_SETTINGS } from './settings-definitions.js';
import {
  type ResolvedGroup,
  type ResolvedSettings,
  resolveGroup,
  type SettingSources,
  unknownKeys,
} from './settings-resolution.js';

/** The settings of every group: what follows from the stored values of one moment and the other sources. */
export class SettingsInForce {
  /** The values of the engine's own settings. The object never changes. */
  readonly own: ResolvedSettings['values'];
  /** One sentence for each value that is ignored because it is wrong, and for each that is not known. */
  readonly problems: readonly string[];
  private readonly byGroup: ReadonlyMap<SettingGroup, ResolvedGroup>;

  constructor(
    groups: readonly SettingGroup[],
    stored: Readonly<Record<string, unknown>>,
    sources: SettingSources,
  ) {
    const resolved = groups.map((group) => [group, resolveGroup(group, stored, sources)] as const);
    this.byGroup = new Map(resolved);
    this.own = this.of(OUTBOX_SETTINGS).values as ResolvedSettings['values'];
    this.problems = [
      ...unknownKeys(groups, stored, sources),
      ...resolved.flatMap(([, { problems }]) => problems),
    ];
  }

  of(group: SettingGroup): ResolvedGroup {
    const found = this.byGroup.get(group);
    if (found === undefined)
      throw new Error(`the settings of ${group.name} were not brought to this service`);
    return found;
  }
}
