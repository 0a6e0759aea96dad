import type { SpecMutant } from './spec-mutants.js';

const STORE = 'src/webhooks/outgoing/sender/sending.store.ts';
const WORK = 'src/webhooks/outgoing/sender/webhook-work.ts';
const GIVING_UP = 'src/webhooks/outgoing/sender/giving-up.ts';
const LEAVING = 'src/webhooks/outgoing/routing/leaving-events.ts';
const SENDING = 'test/webhooks/sending.spec.ts';
const EVENTS = 'test/webhooks/events-about-destinations.spec.ts';
const DESTINATIONS = 'test/webhooks/destinations.spec.ts';
const OUTAGE = 'test/webhooks/sending-outage.spec.ts';

/** Wrong turns in what the sender of webhooks saves. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
export const senderMutants: readonly SpecMutant[] = [
  {
    name: 'router: a delivery waits for one that has ended, because both are routed together',
    patches: [
      {
        file: 'src/webhooks/outgoing/routing/routing.store.ts',
        find: 'WHERE (SELECT o.position FROM ${this.delivery} o WHERE o.destination_id = d.id AND o.position = p.position) IS NULL\n',
        put: '',
      },
    ],
    spec: 'test/webhooks/routing.spec.ts',
    test: 'where the event before is routed a second time and is delivered',
  },
  {
    name: 'sender: a dead delivery releases nothing behind it',
    patches: [
      {
        file: WORK,
        find: "filter(({ status }) => status !== 'pending')",
        put: "filter(({ status }) => status === 'delivered')",
      },
    ],
    spec: SENDING,
    test: 'order entity goes on behind a dead one',
  },
  {
    name: 'sender: a delivery that is tried again releases what waits behind it',
    patches: [
      { file: WORK, find: "filter(({ status }) => status !== 'pending')", put: 'slice()' },
      {
        file: STORE,
        find: "p.status = 'pending' ${ofEntity}",
        put: "p.status = 'pending' AND p.due_at = 'infinity' ${ofEntity}",
      },
    ],
    spec: SENDING,
    test: 'order strict gets the events in order through failures',
  },
  {
    name: 'sender: what waits for another delivery counts as due',
    patches: [
      { file: STORE, find: "AND status = 'pending' AND due_at <= now()", put: "AND status = 'pending'" },
    ],
    spec: SENDING,
    test: 'an entity that fails holds up no other',
  },
  {
    name: 'sender: an attempt that a pause was asked for counts',
    patches: [{ file: WORK, find: "counts: outcome.is !== 'target-off'", put: 'counts: true' }],
    spec: SENDING,
    test: '429 with Retry-After 3600 puts the whole destination off, at no attempt',
  },
  {
    name: 'sender: a destination that is disabled is not held',
    patches: [
      { file: GIVING_UP, find: "await this.targets.hold(session, 'webhook', destination.id);", put: '' },
    ],
    spec: SENDING,
    test: '410 disables the destination, at once and with an event, and nothing more is sent',
  },
  {
    name: 'sender: an attempt counts again whose save had no answer',
    patches: [{ file: STORE, find: ' AND v.attempts = g.before', put: '' }],
    spec: OUTAGE,
    test: 'whose answer is lost counts the attempt and the failure once',
  },
  {
    name: 'sender: what is saved already is told of again',
    patches: [
      {
        file: WORK,
        find: 'return unsaved.size === 0 ? ended : ended.filter((_, place) => !unsaved.has(place));',
        put: 'return unsaved.size >= 0 ? ended : [];',
      },
    ],
    spec: OUTAGE,
    test: 'tells once of a delivery that is dead',
  },
  {
    name: 'sender: a last page that is full has a next one',
    patches: [{ file: 'src/words/page-of.ts', find: 'found.length > limit', put: 'found.length >= limit' }],
    spec: DESTINATIONS,
    test: 'are listed from the latest event on, page by page, each once',
  },
  {
    name: 'sender: what could not be saved while the database was away is dropped',
    patches: [
      {
        file: 'src/lanes/lane-loop.ts',
        find: 'this.toSave.unshift(...left);',
        put: 'for (const each of left) if (each.running !== undefined) this.inFlight.remove(each.running);',
      },
    ],
    spec: OUTAGE,
    test: 'whose answer is lost counts the attempt and the failure once',
  },
  {
    name: 'sender: a new URL keeps the pause of the one before',
    patches: [
      {
        file: 'src/webhooks/outgoing/tenants/tenant-destinations.ts',
        find: "if (before.url !== after.url) await this.targets.beginAnew(session, 'webhook', before.id);",
        put: '',
      },
    ],
    spec: SENDING,
    test: 'counts for its URL',
  },
  {
    name: 'sender: only the latest secret signs',
    patches: [
      {
        file: 'src/webhooks/outgoing/sending/webhook-headers.ts',
        find: "secrets.map((secret) => signatureOf(secret, signed)).join(' ')",
        put: "secrets.slice(0, 1).map((secret) => signatureOf(secret, signed)).join(' ')",
      },
    ],
    spec: DESTINATIONS,
    test: 'sends deliveries that both secrets of a rotation verify',
  },
  {
    name: 'sender: what has no secret is sent without a signature',
    patches: [
      {
        file: 'src/webhooks/outgoing/sender/signed-requests.ts',
        find: "if (keys.secrets.length === 0) throw new Error('The destination has no secret to sign with');",
        put: '',
      },
    ],
    spec: DESTINATIONS,
    test: 'is sent nothing when the secrets of its tenant are erased',
  },
  {
    name: 'sender: a destination gets the events about itself',
    patches: [
      {
        file: LEAVING,
        find: 'return event.aggregateType !== DESTINATION_AGGREGATE ||',
        put: 'return event !== undefined ||',
      },
    ],
    spec: EVENTS,
    test: 'tell of a dead delivery once, again when it dies again, and its own destination does not get that',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are pieces of source.
