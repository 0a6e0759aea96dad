import type { AuditEntry, AuditOutcome } from '../audit/audit.js';
import { firstLine } from '../words/first-line.js';
import type { Command } from './command.js';
import { nextPage } from './next-page.js';
import { choiceOption, countOption, dateOption, pageOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const OUTCOMES: readonly AuditOutcome[] = ['done', 'failed', 'denied'];

/** Shows who changed what, and why. */
const auditListCommand: Command = {
  name: 'audit list',
  parameters: [],
  options: {
    actor: { type: 'string', summary: 'only changes by this actor' },
    action: { type: 'string', summary: 'only this action, such as consumers.pause' },
    target: { type: 'string', summary: 'only changes of this, such as consumer/billing' },
    outcome: { type: 'string', summary: `only what was ${OUTCOMES.join(', ')}` },
    since: { type: 'string', summary: 'only at this time or later' },
    until: { type: 'string', summary: 'only before this time' },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show who changed what, when and why, the latest first',
  run: (context) => {
    const { options } = context;
    const filter = {
      actor: textOption(options, 'actor'),
      action: textOption(options, 'action'),
      target: textOption(options, 'target'),
      outcome: choiceOption(options, 'outcome', OUTCOMES),
      since: dateOption(options, 'since'),
      until: dateOption(options, 'until'),
    };
    const page = { limit: pageOption(options), after: countOption(options, 'after') };
    return withServices(context, async ({ audit }) => {
      const { entries, next, scannedTo } = await audit.list(filter, page);
      const more = next === null ? [] : [`More: ${nextPage(context, 'audit list', { after: next })}`];
      return {
        ok: true,
        data: { entries, next, scannedTo },
        text: [describe(entries, scannedTo), ...more].join('\n'),
      };
    });
  },
};

function describe(entries: readonly AuditEntry[], scannedTo: Date | null): string {
  if (entries.length === 0)
    return scannedTo === null
      ? 'The audit has no such entry.'
      : `The audit has no such entry since ${timeText(scannedTo)}.`;
  return table(entries, [
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'ACTOR', cell: ({ actor }) => actor, cut: 2 },
    { heading: 'VIA', cell: ({ via }) => via },
    { heading: 'ACTION', cell: ({ action }) => action },
    { heading: 'ROWS', cell: ({ affected }) => (affected === null ? '-' : String(affected)) },
    { heading: 'OUTCOME', cell: ({ outcome }) => outcome },
    {
      heading: 'TARGET AND REASON',
      cell: ({ target, reason }) =>
        [target ?? '-', ...(reason === null ? [] : [firstLine(reason)])].join(': '),
      cut: 1,
    },
  ]);
}

/** The commands of the audit. */
export const auditCommands: readonly Command[] = [auditListCommand];
