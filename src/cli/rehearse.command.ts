import type { Rehearsal, RehearsalResult, UnpublishedEvent } from '../changes/rehearsals/rehearsal.js';
import { authorOf, CHANGE_OPTIONS } from './author.js';
import { type Command, UsageError } from './command.js';
import { saidFirst } from './dry-run.js';
import { AGGREGATE_COLUMN, EVENT_COLUMN } from './event-columns.js';
import { facts } from './facts.js';
import { checkUuid, textOption } from './options.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { visible, visibleLine } from './terminal-text.js';
import { counted } from './texts.js';

/** Rehearses one dead letter of one consumer in a live process, and shows what came of it. */
export const deadLettersRehearseCommand: Command = {
  name: 'dead-letters rehearse',
  parameters: ['event'],
  options: {
    consumer: { type: 'string', summary: 'the consumer that has failed at it (required)' },
    payload: { type: 'boolean', summary: 'show the payloads that would be published' },
    lines: { type: 'boolean', summary: 'show what the handler logged' },
    ...CHANGE_OPTIONS,
  },
  summary: 'run the transactional handler of a dead letter once in a live process, and roll everything back',
  run: (context) => {
    const { options } = context;
    const outboxEventId = checkUuid(context.arguments[0] ?? '', '<event>');
    const consumerName = textOption(options, 'consumer');
    if (consumerName === undefined) throw new UsageError('dead-letters rehearse needs --consumer <…>');
    return withServices(context, async ({ rehearsals }: CommandServices) => {
      const event = { outboxEventId, consumerName };
      const dry = await saidFirst(context, async () => {
        const { warning, refusal, processes } = await rehearsals.outlook(event);
        return { what: refusal ?? warning, data: { ...event, warning, refusal, processes } };
      });
      if (dry !== undefined) return dry;
      context.progress('A process runs the handler …');
      const rehearsal = await rehearsals.rehearse(event, authorOf(context));
      const shown = shownOf(rehearsal, options.payload === true, options.lines === true);
      return {
        ok: rehearsal.result?.outcome === 'succeeded' || rehearsal.result?.outcome === 'skipped',
        data: { ...shown },
        text: describe(shown),
      };
    });
  },
};

/** A command shows lines and payloads when it is asked for them, because no mask is known to it. */
function shownOf(rehearsal: Rehearsal, withPayloads: boolean, withLines: boolean): Rehearsal {
  const { result } = rehearsal;
  if (result === null) return rehearsal;
  return {
    ...rehearsal,
    result: {
      ...result,
      lines: withLines ? result.lines : [],
      published: withPayloads
        ? result.published
        : result.published.map((event) => ({ ...event, payload: null })),
    },
  };
}

function describe({ sentence, linesSentence, process, result }: Rehearsal): string {
  const parts = [
    visible(sentence),
    facts([['Process', process === null ? null : visibleLine(`${process.host}:${process.pid}`)]]),
    ...(result === null
      ? []
      : [errorOf(result), linesOf(result, linesSentence), publishedOf(result.published)]),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function errorOf({ error }: RehearsalResult): string {
  if (error === null) return '';
  return [error.text, ...(error.stack === null ? [] : [error.stack])].map(visible).join('\n');
}

function linesOf({ lines, keepsLines }: RehearsalResult, sentence: string | null): string {
  if (sentence === null) return '';
  if (!keepsLines) return `${sentence}.`;
  if (lines.length === 0) return `${sentence}: see --lines`;
  return [
    `${sentence}:`,
    ...lines.map(({ at, level, text }) => `  ${at} ${level.padEnd(7)} ${visibleLine(text)}`),
  ].join('\n');
}

function publishedOf(events: readonly UnpublishedEvent[]): string {
  if (events.length === 0) return '';
  const listed = table(events, [
    EVENT_COLUMN,
    AGGREGATE_COLUMN,
    { heading: 'PAYLOAD', cell: ({ payloadBytes }) => counted(payloadBytes, 'byte') },
  ]);
  const payloads = events.flatMap(({ payload }) => (payload === null ? [] : [visible(payload)]));
  return [listed, ...payloads].join('\n\n');
}
