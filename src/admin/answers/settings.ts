import {
  ANY_JSON,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  oneOf,
  optional,
  orNull,
  pageOf,
  SCALAR,
  TEXT,
  TIME,
} from '../../rest/schema.js';

export const Setting = named(
  'Setting',
  object({
    key: TEXT,
    value: SCALAR,
    default: SCALAR,
    source: TEXT,
    type: oneOf(['boolean', 'ms', 'count', 'events', 'days', 'durations']),
    description: TEXT,
    unit: orNull(TEXT),
    min: optional(NUMBER),
    max: optional(NUMBER),
    environmentName: TEXT,
  }),
);

export const Settings = named('Settings', object({ items: list(Setting) }));

export const SettingsPreview = named(
  'SettingsPreview',
  object({
    problems: list(object({ key: TEXT, reason: TEXT })),
    effects: list(object({ key: TEXT, from: SCALAR, to: SCALAR, effect: TEXT })),
  }),
);

const SettingChange = named(
  'SettingChange',
  object({
    id: INTEGER,
    key: TEXT,
    from: ANY_JSON,
    to: ANY_JSON,
    at: TIME,
    by: orNull(TEXT),
    reason: orNull(TEXT),
  }),
);

export const SettingHistoryPage = named('SettingHistoryPage', pageOf(SettingChange));
