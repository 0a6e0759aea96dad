import { authorOf, CHANGE_OPTIONS } from '../../cli/author.js';
import type { Command, CommandContext, CommandResult } from '../../cli/command.js';
import { saidFirst } from '../../cli/dry-run.js';
import { textOption } from '../../cli/options.js';
import { withServices } from '../../cli/services.js';
import { table } from '../../cli/table.js';
import { KeyRotation } from '../key-rotation.js';
import { keysOfEnvironment } from '../secret-keys.js';
import { SecretParts } from '../secret-parts.js';

/** Shows which keys have wrapped something. */
const keysListCommand: Command = {
  name: 'keys list',
  parameters: [],
  summary: 'show the keys of secrets, and how much each of them has wrapped',
  run: (context) =>
    withKeys(context, async (rotation) => {
      const { current, uses } = await rotation.list();
      const rows = uses.map(({ keyName, dataKeys, secrets }) => [
        keyName,
        String(dataKeys),
        String(secrets),
        keyName === current ? 'current' : 'still needed: run keys rotate',
      ]);
      const text =
        rows.length === 0
          ? 'No key has wrapped anything yet.'
          : table(['KEY', 'TENANTS', 'SECRETS', ''], rows);
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
        const { current, uses } = await rotation.list();
        const others = uses.filter(({ keyName }) => keyName !== current);
        const dataKeys = others.reduce((sum, use) => sum + use.dataKeys, 0);
        const what = `"${current}" would wrap ${dataKeys} data keys.`;
        return { what, data: { current, dataKeys }, isNothing: dataKeys === 0 };
      });
      if (dry !== undefined) return dry;
      const { current, rewrapped, unreadable } = await rotation.rotate(authorOf(context));
      return {
        ok: unreadable.length === 0,
        data: { current, rewrapped, unreadable },
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

function withKeys(
  context: CommandContext,
  work: (rotation: KeyRotation) => Promise<CommandResult>,
): Promise<CommandResult> {
  const keys = keysOfEnvironment(context.environment);
  return withServices(context, ({ db }) => {
    const parts = new SecretParts(
      () => db,
      () => keys,
    );
    return work(new KeyRotation(parts));
  });
}

/** The commands of secrets, in the order of the usage. */
export const secretsCommands: readonly Command[] = [keysListCommand, keysRotateCommand, keysResealCommand];
