import type { Command } from '../../cli/command.js';
import { nextPage } from '../../cli/next-page.js';
import { checkUuid, choiceOption, pageOption, textOption } from '../../cli/options.js';
import { table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import { pageSizeOf } from '../../words/argument-checks.js';
import type { EndpointRow } from '../incoming/endpoints/incoming-endpoint.js';
import { IncomingEndpointStore } from '../incoming/endpoints/incoming-endpoint.store.js';

/** The endpoints of incoming webhooks that belong to tenants. */
export const webhooksEndpointsCommand: Command = {
  name: 'webhooks endpoints',
  parameters: [],
  options: {
    tenant: { type: 'string', summary: 'only those of this tenant' },
    source: { type: 'string', summary: 'only those of this source' },
    status: { type: 'string', summary: 'only those that are active, or paused' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'the page behind: the id of the last endpoint of the page before' },
  },
  summary: 'show the addresses at which senders of tenants deliver webhooks',
  async run(context) {
    const { options, withDatabase } = context;
    const after = textOption(options, 'after');
    const filter = {
      source: textOption(options, 'source'),
      status: choiceOption(options, 'status', ['active', 'paused'] as const),
    };
    const behind = after === undefined ? undefined : checkUuid(after, 'The id in --after');
    const limit = pageSizeOf(pageOption(options));
    const endpoints = await withDatabase((db) =>
      new IncomingEndpointStore(db).page(textOption(options, 'tenant'), filter, behind, limit),
    );
    const next = endpoints.length < limit ? null : (endpoints.at(-1)?.id ?? null);
    const more = next === null ? [] : [`More: ${nextPage(context, 'webhooks endpoints', { after: next })}`];
    return { ok: true, data: { endpoints, next }, text: [textOf(endpoints), ...more].join('\n') };
  },
};

function textOf(endpoints: readonly EndpointRow[]): string {
  if (endpoints.length === 0) return 'There is no such endpoint.';
  return table(endpoints, [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'TENANT', cell: ({ tenantId }) => tenantId },
    { heading: 'SOURCE', cell: ({ source }) => source },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'ACCOUNT', cell: ({ externalId }) => externalId ?? '', cut: 1 },
    { heading: 'CREATED', cell: ({ createdAt }) => timeText(createdAt) },
  ]);
}
