import { cursorText } from '../admin/input/cursor.js';
import { authorOf, CHANGE_OPTIONS } from '../cli/author.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from '../cli/command.js';
import { saidFirst } from '../cli/dry-run.js';
import { nextPage } from '../cli/next-page.js';
import { pageOption, textOption } from '../cli/options.js';
import { withServices } from '../cli/services.js';
import { table } from '../cli/table.js';
import { timeText } from '../cli/texts.js';
import { pageSizeOf } from '../words/argument-checks.js';
import { dataKeysLeft, KeyRotation } from './key-rotation.js';
import type { SecretPlace } from './secret.store.js';
import { keysOfEnvironment } from './secret-keys.js';
import { type ListedSecret, SecretLook } from './secret-look.js';
import { SecretParts } from './secret-parts.js';
import { secretPlace } from './secret-place.js';

/** Shows which secrets there are, and nothing of their values. */
const secretsListCommand: Command = {
  name: 'secrets list',
  parameters: [],
  options: {
    tenant: { type: 'string', summary: 'only those of this tenant' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: what the page before has printed for it' },
  },
  summary: 'show which secrets there are, which key each has, and whether it can be opened; never a value',
  run: async (context) => {
    const { options } = context;
    const tenant = textOption(options, 'tenant');
    const after = placeOption(options);
    const limit = pageSizeOf(pageOption(options));
    const { items, next } = await withParts(context, (parts) =>
      new SecretLook(parts).list(tenant, limit, after),
    );
    const text = items.length === 0 ? 'There is no such secret.' : tableOf(items);
    const behind = next === null ? null : cursorText(next);
    const more = behind === null ? [] : [`More: ${nextPage(context, 'secrets list', { after: behind })}`];
    return { ok: true, data: { secrets: items, next: behind }, text: [text, ...more].join('\n') };
  },
};

function placeOption(options: CommandContext['options']): SecretPlace | undefined {
  const text = textOption(options, 'after');
  if (text === undefined) return undefined;
  const reading = secretPlace.read(text, true);
  if ('value' in reading) return reading.value;
  throw new UsageError('--after is no place in this list: give what the page before has printed');
}

function tableOf(secrets: readonly ListedSecret[]): string {
  const rows = secrets.flatMap(({ versions, ...secret }) =>
    versions.map((version) => ({ ...secret, ...version })),
  );
  return table(rows, [
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId },
    { heading: 'OWNER', cell: ({ ownerType, ownerId }) => `${ownerType} ${ownerId}`, cut: 1 },
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'VERSION', cell: ({ version }) => String(version) },
    { heading: 'STORED', cell: ({ createdAt }) => timeText(createdAt) },
    { heading: 'VALID UNTIL', cell: ({ validUntil }) => timeText(validUntil) },
    { heading: 'KEY', cell: ({ keyName }) => keyName },
    { heading: '', cell: ({ readable }) => (readable ? '' : 'cannot be opened') },
  ]);
}

/** Shows which keys have wrapped something. */
const keysListCommand: Command = {
  name: 'keys list',
  parameters: [],
  summary: 'show the keys of secrets, and how much each of them has wrapped',
  run: (context) =>
    withKeys(context, async (rotation) => {
      const { current, uses } = await rotation.list();
      const text =
        uses.length === 0
          ? 'No key has wrapped anything yet.'
          : table(uses, [
              { heading: 'KEY', cell: ({ keyName }) => keyName },
              { heading: 'TENANTS', cell: ({ dataKeys }) => String(dataKeys) },
              { heading: 'SECRETS', cell: ({ secrets }) => String(secrets) },
              {
                heading: '',
                cell: ({ keyName }) => (keyName === current ? 'current' : 'still needed: run keys rotate'),
              },
            ]);
      return { ok: true, data: { current, uses }, text };
    }),
};

/** Wraps everything with the current key. */
const keysRotateCommand: Command = {
  name: 'keys rotate',
  parameters: [],
  options: CHANGE_OPTIONS,
  summary: 'wrap the data keys of all tenants with the current key (the first one of INTEGRATION_KEYS)',
  run: (context) =>
    withKeys(context, async (rotation) => {
      const dry = await saidFirst(context, async () => {
        const keys = await rotation.list();
        const { current } = keys;
        const dataKeys = dataKeysLeft(keys);
        const what = `"${current}" would wrap ${dataKeys} data keys.`;
        return { what, data: { current, dataKeys }, isNothing: dataKeys === 0 };
      });
      if (dry !== undefined) return dry;
      const { current, rewrapped, unreadable, left } = await rotation.rotate(authorOf(context));
      return {
        ok: unreadable.length === 0,
        data: { current, rewrapped, unreadable, left },
        text: [`${rewrapped} data keys are wrapped by "${current}" now.`, ...passedOver(unreadable)].join(
          '\n',
        ),
      };
    }),
};

/** Gives a tenant a new data key. */
const keysResealCommand: Command = {
  name: 'keys reseal',
  parameters: [],
  options: {
    ...CHANGE_OPTIONS,
    tenant: { type: 'string', summary: 'the tenant; leave it out in an application without tenants' },
  },
  summary: 'seal the secrets of a tenant with a new data key, after the old one has leaked',
  run: (context) => {
    const tenant = textOption(context.options, 'tenant') ?? '';
    return withKeys(context, async (rotation) => {
      const dry = await saidFirst(context, async () => {
        const secrets = await rotation.secretsOf(tenant);
        return {
          what: `${secrets} secrets would be sealed with a new data key.`,
          data: { tenant, secrets },
        };
      });
      if (dry !== undefined) return dry;
      const { resealed, unreadable } = await rotation.reseal(tenant, authorOf(context));
      return {
        ok: unreadable.length === 0,
        data: { tenant, resealed, unreadable },
        text: [`${resealed} secrets are sealed with a new data key.`, ...passedOver(unreadable)].join('\n'),
      };
    });
  },
};

function passedOver(unreadable: readonly string[]): string[] {
  return unreadable.map((each) => `Passed over: ${each}`);
}

function withParts<R>(context: CommandContext, work: (parts: SecretParts) => Promise<R>): Promise<R> {
  const keys = keysOfEnvironment(context.environment);
  return withServices(context, ({ admin }) => {
    const parts = new SecretParts(
      () => admin,
      () => keys,
    );
    return work(parts);
  });
}

function withKeys(
  context: CommandContext,
  work: (rotation: KeyRotation) => Promise<CommandResult>,
): Promise<CommandResult> {
  return withParts(context, (parts) => work(new KeyRotation(parts)));
}

/** The commands of secrets, in the order of the usage. */
export const secretsCommands: readonly Command[] = [
  secretsListCommand,
  keysListCommand,
  keysRotateCommand,
  keysResealCommand,
];
