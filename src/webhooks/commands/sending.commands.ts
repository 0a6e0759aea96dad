import { authorOf as checkedAuthor } from '../../audit/change-author.js';
import { INBOX_KINDS } from '../../changes/operations/inbox-kinds.js';
import { OperationService } from '../../changes/operations/operation.service.js';
import { OperationKinds } from '../../changes/operations/operation-kinds.js';
import { authorOf, CHANGE_OPTIONS } from '../../cli/author.js';
import { changeMany, OPERATION_OPTIONS } from '../../cli/change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from '../../cli/command.js';
import { saidFirst } from '../../cli/dry-run.js';
import { checkUuid, countOption, dateOption, listOption, textOption } from '../../cli/options.js';
import { type CommandServices, withServices } from '../../cli/services.js';
import { counted, countedAtLeast } from '../../cli/texts.js';
import { checkNetworkRules } from '../../http/network-rules.js';
import { OutgoingHttp } from '../../http/outgoing-http.js';
import { SecretService } from '../../secrets/secret.service.js';
import { keysOfEnvironment } from '../../secrets/secret-keys.js';
import { SecretParts } from '../../secrets/secret-parts.js';
import { webhookSettings } from '../options/webhook-settings.js';
import type { WebhookAttempt } from '../outgoing/destinations/delivery.js';
import type { WebhookDestination } from '../outgoing/destinations/destination.js';
import { DestinationStore } from '../outgoing/destinations/destination.store.js';
import { redriveDeliveries } from '../outgoing/operations/redrive-deliveries.js';
import { replayWithoutContracts } from '../outgoing/operations/replay-without-contracts.js';
import { DEFAULT_SOURCE } from '../outgoing/sending/webhook-body.js';
import { DestinationSecrets } from '../outgoing/tenants/destination-secrets.js';
import { sendTestTo, testWith } from '../outgoing/tenants/destination-test.js';
import { existingDestination } from '../outgoing/tenants/existing-destination.js';
import { noteChange } from '../outgoing/tenants/noted-change.js';
import { unknownDestination } from '../outgoing/tenants/unknown-destination.js';
import { deliveriesOf } from './destinations.commands.js';

const HOUR_MS = 3_600_000;

/** Sends one request, which shows whether a destination works. */
const webhooksTestCommand: Command = {
  name: 'webhooks test',
  parameters: ['destination'],
  options: {
    type: { type: 'string', summary: 'the type of the test; default: the first that it asks for by name' },
    allow: {
      type: 'string',
      summary: 'addresses, ranges and hosts that may be reached as well, divided by commas',
    },
    http: { type: 'boolean', summary: 'allow http besides https' },
    ...CHANGE_OPTIONS,
  },
  summary: 'send a signed request with {"test":true} to a destination from this machine, and show the answer',
  run: (context) =>
    withDestination(context, async (services, destination) => {
      const { options } = context;
      const { id, url } = destination;
      const type = textOption(options, 'type') ?? destination.eventTypes.find((each) => !each.includes('*'));
      if (type === undefined)
        throw new UsageError(`destination ${id} asks for no type by its name: give one with --type`);
      const rules = checkNetworkRules({ allow: listOption(options, 'allow'), http: options.http === true });
      const dry = await saidFirst(context, async () => ({
        what: `A test of type ${type} would be sent to ${url}.`,
        data: { destination: id, type },
      }));
      if (dry !== undefined) return dry;
      const attempt = await tested(context, services, destination, { type, http: new OutgoingHttp(rules) });
      return { ok: isDelivered(attempt), data: { destination: id, type, attempt }, text: textOf(attempt) };
    }),
};

async function tested(
  context: CommandContext,
  services: CommandServices,
  destination: WebhookDestination,
  { type, http }: { readonly type: string; readonly http: OutgoingHttp },
): Promise<WebhookAttempt> {
  const { admin, settings } = services;
  const test = testWith(type);
  const author = checkedAuthor(authorOf(context));
  const change = { after: { type, webhookId: test.id } };
  await admin.transaction((session) => noteChange(admin, session, author, 'test', destination.id, change));
  try {
    return await sendTestTo(destination, test, {
      http,
      secrets: secretsOf(context, services),
      settings: settings.snapshotOf(webhookSettings),
      cloudEventsSource: DEFAULT_SOURCE,
    });
  } finally {
    http.close();
  }
}

function isDelivered({ statusCode, error }: WebhookAttempt): boolean {
  return error === null && statusCode !== null && statusCode >= 200 && statusCode < 300;
}

function textOf({ statusCode, durationMs, error, answer }: WebhookAttempt): string {
  const said =
    statusCode === null
      ? `The test got no answer within ${durationMs} ms.`
      : `The test was answered with ${statusCode} after ${durationMs} ms.`;
  const answered = answer === null || answer === '' ? '' : `The answer says: ${answer}`;
  return [said, error === null ? '' : `${error}.`, answered].filter((line) => line !== '').join('\n');
}

/** Sends one delivery again that has ended, or all dead ones of a destination. */
const webhooksRedriveCommand: Command = {
  name: 'webhooks redrive',
  parameters: [],
  optionalParameter: 'delivery',
  options: {
    destination: { type: 'string', summary: 'all dead deliveries of this destination, as an operation' },
    limit: { type: 'string', summary: 'the largest number of them, the oldest first; default: all' },
    ...OPERATION_OPTIONS,
    ...CHANGE_OPTIONS,
  },
  summary: 'send a delivery again that has ended (its id is in webhooks deliveries), or all dead ones',
  run: (context) => {
    const [id] = context.arguments;
    const destination = textOption(context.options, 'destination');
    checkHow(context);
    if ((id === undefined) === (destination === undefined))
      throw new UsageError('give the id of a delivery, or --destination and the id of a destination');
    return id === undefined ? redriveMany(context) : redriveOne(context, id);
  },
};

function redriveOne(context: CommandContext, id: string): Promise<CommandResult> {
  const [destinationId = ''] = id.split('.');
  return context.withDatabase(async (_db, admin) => {
    const deliveries = await deliveriesOf(admin, destinationId);
    const before = await deliveries.get(id);
    const dry = await saidFirst(context, async () => ({
      what:
        before.status === 'pending'
          ? `Delivery ${id} is pending already.`
          : `Delivery ${id}, which is ${before.status}, would be sent again.`,
      data: { delivery: id, status: before.status },
      isNothing: before.status === 'pending',
    }));
    if (dry !== undefined) return dry;
    const { status } = await deliveries.redrive(id, authorOf(context));
    return { ok: true, data: { delivery: id, status }, text: `Delivery ${id} is ${status}.` };
  });
}

function redriveMany(context: CommandContext): Promise<CommandResult> {
  return withDestination(context, (services, { id, tenantId }) =>
    changeMany(context, ofDestinations(services), {
      request: {
        kind: 'webhooks.redrive',
        filter: { tenantId, destinationId: id },
        maxEvents: countOption(context.options, 'limit'),
      },
      field: 'redriven',
      data: { destination: id },
      would: (events, isAtLeast) =>
        `${countedAtLeast(events, isAtLeast, 'event')} would be sent to the destination again.`,
      done: (events) => `${counted(events, 'event')} sent to the destination again.`,
      lacking: (events) =>
        `${counted(events, 'event')} not sent: deleted by retention meanwhile, sent by somebody else, or without a body.`,
    }),
  );
}

/** Sends events of a time to a destination, also those that it has not got. */
const webhooksReplayCommand: Command = {
  name: 'webhooks replay',
  parameters: ['destination'],
  options: {
    since: { type: 'string', summary: 'events written at this time or later' },
    until: { type: 'string', summary: 'events written before this time; default: now' },
    types: { type: 'string', summary: 'only these types, divided by commas; default: those it asks for' },
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all' },
    ...OPERATION_OPTIONS,
    ...CHANGE_OPTIONS,
  },
  summary: 'send the events of a time to a destination, also those that it has not got',
  run: (context) => {
    const { options } = context;
    const since = dateOption(options, 'since');
    if (since === undefined) throw new UsageError('give a time to begin at with --since');
    const until = dateOption(options, 'until') ?? new Date();
    const types = listOption(options, 'types');
    checkHow(context);
    return withDestination(context, (services, { id, tenantId }) =>
      changeMany(context, ofDestinations(services), {
        request: {
          kind: 'webhooks.replay',
          filter: { tenantId, destinationId: id, since, until, ...(types === undefined ? {} : { types }) },
          maxEvents: countOption(options, 'limit'),
        },
        field: 'replayed',
        data: { destination: id },
        would: (events, isAtLeast) =>
          `${countedAtLeast(events, isAtLeast, 'event')} of this time would be looked at, and sent as far as they are for the destination.`,
        done: (events) => `${counted(events, 'event')} sent to the destination.`,
      }),
    );
  },
};

/** Gives a destination a new secret, and shows it this once. */
const webhooksRotateSecretCommand: Command = {
  name: 'webhooks rotate-secret',
  parameters: ['destination'],
  options: {
    'overlap-hours': {
      type: 'string',
      summary: 'for how long the secrets before it sign as well; default: the setting secretOverlapHours',
    },
    ...CHANGE_OPTIONS,
  },
  summary: 'give a destination a new secret, and show it this once; for v1a its new public key',
  run: (context) =>
    withDestination(context, async (services, { id, tenantId }) => {
      const hours = hoursOption(context.options);
      const dry = await saidFirst(context, async () => ({
        what: `The destination ${id} would get a new secret.`,
        data: { destination: id },
      }));
      if (dry !== undefined) return dry;
      const { admin, settings } = services;
      const secrets = secretsOf(context, services);
      const ofTenant = new DestinationSecrets(tenantId, {
        admin,
        secrets,
        secretService: new SecretService(secrets),
        settings: settings.snapshotOf(webhookSettings),
      });
      const overlapMs = hours === undefined ? undefined : hours * HOUR_MS;
      const { secret, publicKey } = await ofTenant.rotate(id, { overlapMs, ...authorOf(context) });
      const text = [
        `The destination ${id} has a new ${secret === null ? 'key' : 'secret'}. It is shown this once:`,
        secret ?? publicKey ?? '',
      ].join('\n');
      return { ok: true, data: { destination: id, secret, publicKey }, text };
    }),
};

function hoursOption(options: CommandContext['options']): number | undefined {
  const text = textOption(options, 'overlap-hours');
  if (text === undefined) return undefined;
  if (/^\d{1,4}$/.test(text) && Number(text) <= 8_760) return Number(text);
  throw new UsageError(`--overlap-hours must be a whole number from 0 to 8760, not ${JSON.stringify(text)}`);
}

/** Numbers are checked before anything is looked up. */
function checkHow({ options }: CommandContext): void {
  countOption(options, 'limit');
  countOption(options, 'rate');
}

/** Runs `work` with the destination that the argument or --destination names. */
function withDestination(
  context: CommandContext,
  work: (services: CommandServices, destination: WebhookDestination) => Promise<CommandResult>,
): Promise<CommandResult> {
  const given = textOption(context.options, 'destination') ?? context.arguments[0] ?? '';
  const id = checkUuid(given, 'The id of the destination');
  return withServices(context, async (services) => {
    const { tenantId } = await existingDestination(services.admin, id);
    const found = await new DestinationStore(services.admin).find(tenantId, id);
    if (found === undefined) throw unknownDestination(id);
    return work(services, found);
  });
}

function secretsOf(context: CommandContext, { admin }: CommandServices): SecretParts {
  const keys = keysOfEnvironment(context.environment);
  return new SecretParts(
    () => admin,
    () => keys,
  );
}

/** The same services, with the kinds of operations of destinations. */
function ofDestinations({ admin, processes, consumers }: CommandServices) {
  const kinds = new OperationKinds([...INBOX_KINDS, redriveDeliveries, replayWithoutContracts]);
  return { operations: new OperationService(admin, kinds), processes, consumers };
}

/** The commands that send something, or change how it is signed, in the order of the usage. */
export const sendingCommands: readonly Command[] = [
  webhooksTestCommand,
  webhooksRedriveCommand,
  webhooksReplayCommand,
  webhooksRotateSecretCommand,
];
