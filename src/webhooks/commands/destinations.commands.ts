import type { Command } from '../../cli/command.js';
import { nextPage } from '../../cli/next-page.js';
import { checkUuid, choiceOption, pageOption, textOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import type { AdminDatabase } from '../../database/admin-database.js';
import { countText } from '../../rates/counted.js';
import { pageSizeOf } from '../../words/argument-checks.js';
import { firstLine } from '../../words/first-line.js';
import { pageOf } from '../../words/page-of.js';
import { DELIVERY_STATUSES, type WebhookDelivery } from '../outgoing/destinations/delivery.js';
import { DESTINATION_STATUSES } from '../outgoing/destinations/destination.js';
import {
  DestinationLookStore,
  type ListedDestination,
  stateOf,
} from '../outgoing/destinations/destination-look.store.js';
import { existingDestination } from '../outgoing/tenants/existing-destination.js';
import { TenantDeliveries } from '../outgoing/tenants/tenant-deliveries.js';

/** Where tenants get their events, and how each destination stands. */
const webhooksDestinationsCommand: Command = {
  name: 'webhooks destinations',
  parameters: [],
  options: {
    tenant: { type: 'string', summary: 'only those of this tenant' },
    status: { type: 'string', summary: `only those that are ${DESTINATION_STATUSES.join(', ')}` },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last destination of the page before' },
  },
  summary: 'show where tenants get their events, what waits there, and since when it fails',
  async run(context) {
    const { options, withDatabase } = context;
    const after = textOption(options, 'after');
    const filter = {
      tenant: textOption(options, 'tenant'),
      status: choiceOption(options, 'status', DESTINATION_STATUSES),
    };
    const behind = after === undefined ? undefined : checkUuid(after, 'The id in --after');
    const limit = pageSizeOf(pageOption(options));
    const found = await withDatabase((db) => new DestinationLookStore(db).page(filter, behind, limit + 1));
    const { rows, next } = pageOf(found, limit, ({ id }) => id);
    const more =
      next === null ? [] : [`More: ${nextPage(context, 'webhooks destinations', { after: next })}`];
    const destinations = rows.map((row) => ({ ...row, ...stateOf(row) }));
    return { ok: true, data: { destinations, next }, text: [destinationsText(rows), ...more].join('\n') };
  },
};

function destinationsText(destinations: readonly ListedDestination[]): string {
  if (destinations.length === 0) return 'There is no such destination.';
  return table(destinations, [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'WAITING', cell: (row) => countText(stateOf(row).waiting) },
    { heading: 'DEAD', cell: (row) => countText(stateOf(row).dead) },
    { heading: 'FAILING SINCE', cell: ({ failingSince }) => timeText(failingSince) },
    { heading: 'TYPES', cell: ({ eventTypes }) => eventTypes.join(', '), cut: 2 },
    { heading: 'URL', cell: ({ url }) => url, cut: 1 },
  ]);
}

/** What is and was delivered to a destination. */
const webhooksDeliveriesCommand: Command = {
  name: 'webhooks deliveries',
  parameters: ['destination'],
  options: {
    status: { type: 'string', summary: `only those that are ${DELIVERY_STATUSES.join(', ')}` },
    type: { type: 'string', summary: 'only those of this type' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last delivery of the page before' },
  },
  summary: 'show what is and was delivered to a destination, the latest events first',
  async run(context) {
    const { arguments: words, options, withDatabase } = context;
    const destinationId = checkUuid(words[0] ?? '', 'The id of the destination');
    const filter = {
      destinationId,
      status: choiceOption(options, 'status', DELIVERY_STATUSES),
      type: textOption(options, 'type'),
    };
    const page = { limit: pageOption(options), after: textOption(options, 'after') };
    const { deliveries, next } = await withDatabase(async (_db, admin) =>
      (await deliveriesOf(admin, destinationId)).page(filter, page),
    );
    const more =
      next === null
        ? []
        : [`More: ${nextPage(context, `webhooks deliveries ${destinationId}`, { after: next })}`];
    return { ok: true, data: { deliveries, next }, text: [deliveriesText(deliveries), ...more].join('\n') };
  },
};

function deliveriesText(deliveries: readonly WebhookDelivery[]): string {
  if (deliveries.length === 0) return 'There is no such delivery.';
  return table(deliveries, [
    { heading: 'DELIVERY', cell: ({ id }) => id },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'ATTEMPTS', cell: ({ attempts }) => String(attempts) },
    { heading: 'DUE', cell: ({ dueAt }) => timeText(dueAt) },
    { heading: 'ANSWER', cell: ({ lastStatus }) => (lastStatus === null ? '' : String(lastStatus)) },
    { heading: 'TYPE', cell: ({ type }) => type ?? '', cut: 2 },
    { heading: 'ERROR', cell: ({ lastError }) => firstLine(lastError), cut: 1 },
  ]);
}

/** The deliveries of the tenant that has this destination. */
export async function deliveriesOf(admin: AdminDatabase, destinationId: string): Promise<TenantDeliveries> {
  const row = await existingDestination(admin, checkUuid(destinationId, 'The id of the destination'));
  return new TenantDeliveries(row.tenantId, { admin }, async () => row);
}

/** The commands that show what goes out, in the order of the usage. */
export const destinationCommands: readonly Command[] = [
  webhooksDestinationsCommand,
  webhooksDeliveriesCommand,
];
