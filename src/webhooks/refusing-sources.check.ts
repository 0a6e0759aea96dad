import type { Check } from '../maintenance/finding.js';
import type { RefusedStep } from './incoming/refusal.js';
import type { RefusingSource, RequestRecordStore } from './incoming/request-record.store.js';

/**
 * A source is found once it has refused everything for this number of seconds, and at least `FEWEST`
 * requests.
 */
const AFTER_SECONDS = 300;
const FEWEST = 3;
/** A sender that has given up is still found for this number of days. */
const FOUND_DAYS = 7;

/** For each step: what it means, and what mends it. */
const STEPS: { readonly [S in RefusedStep]: readonly [meaning: string, fix: string] } = {
  source: [
    'They came to a path that the source does not have: with an id of an endpoint where it has none, or without one.',
    "Compare the URL at the sender with that of the source. A source with secrets: 'endpoint' is called with the id of an endpoint.",
  ],
  endpoint: [
    'They came to endpoints that do not exist, or that were removed.',
    'Compare the URL at the sender with those of `webhooks endpoints`.',
  ],
  size: ['Their bodies are too large.', 'Raise maxBodyBytes of the source, or the setting of webhooks.'],
  'raw-body': [
    'Something in the application reads bodies before webhooks do, so nothing can be verified.',
    'Make the application with { rawBody: true }, or let nothing read bodies before the routes of webhooks.',
  ],
  header: [
    'A header that the signature needs is missing, or cannot be read. The sender does not sign, or it signs in another way.',
    'Look whether the sender has a secret, and whether a proxy takes headers away.',
  ],
  signature: [
    'Their signatures fit none of the secrets. The secret is another one at the sender, or a proxy changes bodies.',
    'Compare the secret at the sender with that of the source. If it is the same, look for what changes the body on its way.',
  ],
  timestamp: [
    'They were signed too long ago, or for later.',
    'Look at the clock of the sender, and at what holds deliveries up on their way.',
  ],
  'repeated-body': [
    'Their bodies came before under other ids, and the source refuses that.',
    "If the sender sends equal bodies on purpose, take repeatedBody: 'mark'.",
  ],
  payload: [
    "Their bodies do not fit the schema of their type, and the source has invalid: 'reject'.",
    "Mend the schema, or take invalid: 'mark' until it is mended.",
  ],
  paused: [
    'They are genuine, and their endpoint is paused. The sender repeats them for some time and then gives up.',
    'Resume the endpoint.',
  ],
};

/** Finds sources that refuse everything that comes. */
export function refusingSourcesCheck(store: RequestRecordStore): Check {
  return {
    name: 'webhook-source-refuses-all',
    async run() {
      const sources = await store.refusing(AFTER_SECONDS, FEWEST, FOUND_DAYS);
      return sources.map((each) => {
        const { source, since, count, step, lastAcceptedAt } = each;
        const [meaning, fix] = step === null ? ['', 'See `webhooks refusals`.'] : STEPS[step];
        return {
          about: [source],
          // What has worked before loses events now. A source that never worked may still be set up.
          severity: lastAcceptedAt === null ? 'warning' : 'critical',
          since,
          finding: sentenceOf(each),
          meaning: `No delivery of "${source}" becomes an event. ${meaning}`.trimEnd(),
          fix: `${fix} \`nestjs-integration webhooks refusals ${source}\` shows the last of them.`,
          details: { source, step, refused: count, lastAcceptedAt },
        };
      });
    },
  };
}

function sentenceOf({ source, since, count, step, lastAcceptedAt }: RefusingSource): string {
  const at = step === null ? '' : `, most of them at the step "${step}"`;
  const before = lastAcceptedAt === null ? '. None was ever accepted' : '';
  return `${source}: all refused since ${minuteOf(since)}: ${count} requests or more${at}${before}.`;
}

/** `2026-11-27 10:02 UTC` */
function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
