import { IntegrationError } from '../errors.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingDefinition } from '../settings/setting-group.js';
import { checkSettingText } from '../settings/setting-value.js';
import type { SettingHistoryPage } from '../settings/settings-change.js';
import { invalidArgument } from '../words/argument-checks.js';
import { firstLine } from '../words/first-line.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import type { Command } from './command.js';
import { saidFirst, type Would, wouldDo } from './dry-run.js';
import { nextPage } from './next-page.js';
import { countOf, countOption, pageOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows every setting. A command does not know the values that the application's own code gives. */
const settingsListCommand: Command = {
  name: 'settings list',
  parameters: [],
  options: WATCH_OPTION,
  summary: 'show every setting, its value and where that comes from',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const settings = service.getAll();
      const listed = table(settings, [
        { heading: 'KEY', cell: ({ key }) => key },
        { heading: 'VALUE', cell: ({ value }) => String(value), cut: 1 },
        { heading: 'SOURCE', cell: ({ source }) => source },
        { heading: 'DEFAULT', cell: ({ default: standard }) => String(standard), cut: 2 },
      ]);
      return {
        ok: true,
        data: { schema: context.schema, settings, problems: service.problems },
        text: [
          listed,
          ...service.problems.map((problem) => `Warning: ${problem}`),
          'Values that the application gives IntegrationModule in code are not known here; they stand in for "default".',
        ].join('\n'),
      };
    }),
};

/** Stores a value. Every process uses it within two seconds. */
const settingsSetCommand: Command = {
  name: 'settings set',
  parameters: ['key', 'value'],
  options: CHANGE_OPTIONS,
  summary: 'store a value; every process uses it within two seconds',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const [key = '', text = ''] = context.arguments;
      const value = valueFrom(service.definitionOf(key), text);
      const dry = await saidFirst(context, () => previewOf(service, key, value));
      if (dry !== undefined) return dry;
      await service.set(key, value, authorOf(context));
      const setting = service.view(key);
      return { ok: true, data: { setting }, text: `${setting.key} is now ${setting.value}.` };
    }),
};

/** Says what a value would do. It is `settings set --dry-run`. */
const settingsPreviewCommand: Command = {
  name: 'settings preview',
  parameters: ['key', 'value'],
  summary: 'say in words what a value would do, and store nothing',
  run: (context) =>
    withServices(context, async ({ settings }) => {
      const [key = '', text = ''] = context.arguments;
      const { what, data } = await previewOf(settings, key, valueFrom(settings.definitionOf(key), text));
      return wouldDo(what, data);
    }),
};

/** Removes a stored value. */
const settingsResetCommand: Command = {
  name: 'settings reset',
  parameters: ['key'],
  options: CHANGE_OPTIONS,
  summary: 'remove a stored value, so that environment, options or default hold again',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const [key = ''] = context.arguments;
      const dry = await saidFirst(context, () => previewOf(service, key, null));
      if (dry !== undefined) return dry;
      await service.reset(key, authorOf(context));
      const setting = service.view(key);
      return {
        ok: true,
        data: { setting },
        text: `${setting.key} is no longer stored; outside the application's code it is ${setting.value} (${setting.source}).`,
      };
    }),
};

/** Shows who changed settings, from what to what. */
const settingsHistoryCommand: Command = {
  name: 'settings history',
  parameters: [],
  optionalParameter: 'key',
  options: {
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show the changes of all settings or of one, the latest first',
  run: (context) => {
    const { options } = context;
    const request = {
      key: context.arguments[0],
      limit: pageOption(options),
      after: countOption(options, 'after'),
    };
    return withServices(context, async ({ settings }) => {
      const { entries, next } = await settings.history(request);
      const more = next === null ? [] : [`More: ${nextPage(context, 'settings history', { after: next })}`];
      return { ok: true, data: { entries, next }, text: [describeHistory(entries), ...more].join('\n') };
    });
  },
};

function describeHistory(entries: SettingHistoryPage['entries']): string {
  if (entries.length === 0) return 'No change is known.';
  const shown = (value: unknown) => (value === null ? '-' : String(value));
  return table(entries, [
    { heading: 'CHANGE', cell: ({ id }) => String(id) },
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'SETTING', cell: ({ key }) => key },
    { heading: 'FROM', cell: ({ from }) => shown(from) },
    { heading: 'TO', cell: ({ to }) => shown(to) },
    { heading: 'BY', cell: ({ by }) => by ?? '-', cut: 2 },
    { heading: 'REASON', cell: ({ reason }) => firstLine(reason), cut: 1 },
  ]);
}

/** Returns to the state after a change of the history. */
const settingsRestoreCommand: Command = {
  name: 'settings restore',
  parameters: ['change'],
  options: CHANGE_OPTIONS,
  summary: 'give a setting the value that it had after a change; settings history shows the numbers',
  run: (context) => {
    const change = countOf(context.arguments[0] ?? '', '<change>');
    return withServices(context, async ({ settings }) => {
      const dry = await saidFirst(context, () => previewOfRestore(settings, change));
      if (dry !== undefined) return dry;
      const setting = await settings.restore(change, authorOf(context));
      return {
        ok: true,
        data: { setting },
        text: `${setting.key} is ${setting.value} again (${setting.source}).`,
      };
    });
  },
};

async function previewOfRestore(settings: IntegrationSettingsService, change: number): Promise<Would> {
  const { entries } = await settings.history({ limit: 1, after: change + 1 });
  const entry = entries.find(({ id }) => id === change);
  if (entry === undefined) throw invalidArgument(`There is no change ${change} of a setting`, { change });
  return previewOf(settings, entry.key, entry.to);
}

/**
 * Says what a change of one setting would put in force. A change that would be refused is refused here as
 * well. Null stands for a removed value.
 */
async function previewOf(settings: IntegrationSettingsService, key: string, value: unknown): Promise<Would> {
  const full = settings.view(key).key;
  // The service judges values of any type.
  const { problems, effects } = await settings.preview({ [key]: value as number | boolean | null });
  const [problem] = problems;
  if (problem !== undefined)
    throw new IntegrationError('INTEGRATION_SETTING_INVALID', `Setting ${problem.key} ${problem.reason}`, {
      problems,
    });
  const lines = effects.map(({ key: changed, from, to, effect }) => `${changed}: ${from} → ${to}. ${effect}`);
  return {
    what:
      lines.length > 0
        ? lines.join('\n')
        : `${full} would not change: ${settings.view(key).value} is in force.`,
    data: { effects },
  };
}

/**
 * The value that the text stands for. A text that stands for no value is passed on, because the service says
 * what is wrong with it.
 */
function valueFrom(definition: SettingDefinition | undefined, text: string): unknown {
  const checked = definition && checkSettingText(definition, text);
  return checked?.ok ? checked.value : text;
}

/** The commands of settings, in the order of the usage. */
export const settingsCommands: readonly Command[] = [
  settingsListCommand,
  settingsPreviewCommand,
  settingsSetCommand,
  settingsResetCommand,
  settingsHistoryCommand,
  settingsRestoreCommand,
];
