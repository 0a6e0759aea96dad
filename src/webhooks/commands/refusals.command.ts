import type { Command } from '../../cli/command.js';
import { table } from '../../cli/table.js';
import { timeText } from '../../cli/texts.js';
import { type Refusal, RequestRecordStore } from '../incoming/request-record.store.js';

const MOST = 50;

/** The last requests of senders that were refused. */
export const webhooksRefusalsCommand: Command = {
  name: 'webhooks refusals',
  parameters: [],
  optionalParameter: 'source',
  summary: 'show the last requests to webhooks that were refused, and at which step',
  async run({ arguments: [source], withDatabase }) {
    const refusals = await withDatabase((db) => new RequestRecordStore(db).refusals(source, MOST));
    return { ok: true, data: { refusals }, text: textOf(refusals, source) };
  },
};

function textOf(refusals: readonly Refusal[], source: string | undefined): string {
  if (refusals.length === 0)
    return `No refused request${source === undefined ? '' : ` of source "${source}"`} is known.`;
  return table(refusals, [
    { heading: 'TIME', cell: ({ at }) => timeText(at) },
    { heading: 'SOURCE', cell: ({ source: name }) => name ?? '(no source)' },
    { heading: 'STEP', cell: ({ step }) => step },
    { heading: 'BYTES', cell: ({ bytes }) => (bytes === null ? '' : String(bytes)) },
    { heading: 'ENDPOINT', cell: ({ endpointId }) => endpointId ?? '' },
    { heading: 'DELIVERY', cell: ({ deliveryId }) => deliveryId ?? '', cut: 1 },
  ]);
}
