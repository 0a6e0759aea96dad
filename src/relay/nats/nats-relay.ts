import { endsWithin } from '../../database/wire/answer-within.js';
import { structuredText } from '../cloud-events/write.js';
import { type HeldClient, openClient } from '../relays/held-client.js';
import { givenOptions, problemsOfRelay } from '../relays/option-checks.js';
import { LOOK_MS, type RelayBoot, type RelayDefinition } from '../relays/relay-definition.js';
import type { PublishContext, RelayMessage, RelayOutcome } from '../relays/relay-message.js';
import type { RelayOptions } from '../relays/relay-options.js';
import { sendEach } from '../relays/send-within.js';
import { addressesOf, placeOf, problemsOfTarget, type Target } from '../relays/target.js';
import type { JetStreamLike, JetStreamManagerLike } from './jet-stream.js';
import { isUnanswered, isWithoutStream, outcomeOfNats } from './nats-errors.js';
import { withoutStacks } from './without-stacks.js';

export interface NatsRelayOptions extends RelayOptions {
  /**
   * The JetStreamClient of `@nats-io/jetstream` 3, a function that returns it, or its token. The function is
   * asked again after the server could not be reached.
   */
  readonly jetstream: unknown;
  /** The subject of the messages. A stream must take it. */
  readonly subject: Target;
}

const SHAPE = {
  is: 'a JetStreamClient of @nats-io/jetstream',
  functions: ['publish', 'jetstreamManager'],
  install: '@nats-io/jetstream@3 @nats-io/transport-node@3',
} as const;
/** JetStream drops a message whose id it has seen within this time. A retry may come minutes later. */
const SHORTEST_WINDOW_MS = 120_000;
const NANOSECONDS = 1_000_000;

/** Sends events to NATS JetStream, each as a structured CloudEvent. */
export function natsRelay(options: NatsRelayOptions): RelayDefinition {
  const given = givenOptions(options);
  return {
    broker: 'nats',
    addresses: addressesOf(given.subject),
    options: given,
    problems: [
      ...problemsOfRelay(given, ['jetstream', 'subject']),
      ...problemsOfTarget('subject', given.subject, problemOfSubject),
    ],
    open: async (boot) => {
      const client = await openClient<JetStreamLike>(boot, 'jetstream', given.jetstream, SHAPE);
      if (client === undefined) return undefined;
      const relay = new NatsRelay(given, client, boot);
      await relay.lookAtStream();
      return (messages, context) => sendEach(messages, context, (message) => relay.send(message, context));
    },
  };
}

class NatsRelay {
  /** The streams whose window is known. */
  private readonly seen = new Set<string>();

  constructor(
    private readonly options: NatsRelayOptions,
    private readonly client: HeldClient<JetStreamLike>,
    private readonly boot: RelayBoot,
  ) {}

  /** Says at boot what would go wrong later. A server that does not answer is no reason to fail the boot. */
  async lookAtStream(): Promise<void> {
    const { subject } = this.options;
    if (typeof subject !== 'string') return;
    await endsWithin(LOOK_MS, this.lookAtSubject(subject));
  }

  async send(message: RelayMessage, { timeoutMs }: PublishContext): Promise<RelayOutcome> {
    const subject = placeOf('subject', this.options.subject, message, problemOfSubject);
    const body = structuredText(message.cloudEvent);
    try {
      const jetstream = await this.client.get();
      const options = { msgID: message.id, timeout: timeoutMs };
      const { stream, duplicate } = await withoutStacks(() => jetstream.publish(subject, body, options));
      if (!this.seen.has(stream)) void this.lookAtWindow(stream, await jetstream.jetstreamManager());
      return { is: 'accepted', isDuplicate: duplicate };
    } catch (error) {
      const outcome = outcomeOfNats(error);
      if (outcome.is === 'unavailable' && isUnanswered(error)) return this.withoutAnswer(subject, outcome);
      if (outcome.is === 'unavailable') this.client.letGo();
      return outcome;
    }
  }

  /** Nobody answered for the subject. If no stream takes it, waiting for the server does not help. */
  private async withoutAnswer(subject: string, away: RelayOutcome): Promise<RelayOutcome> {
    try {
      const manager = await (await this.client.get()).jetstreamManager();
      await manager.streams.find(subject);
    } catch (error) {
      if (isWithoutStream(error)) return { is: 'refused', error: new Error(withoutStream(subject)) };
    }
    return away;
  }

  private async lookAtSubject(subject: string): Promise<void> {
    try {
      const manager = await (await this.client.get()).jetstreamManager();
      await this.lookAtWindow(await manager.streams.find(subject), manager);
    } catch (error) {
      if (isWithoutStream(error)) this.boot.warn(withoutStream(subject));
    }
  }

  private async lookAtWindow(stream: string, { streams }: JetStreamManagerLike): Promise<void> {
    this.seen.add(stream);
    try {
      const { duplicate_window: window } = (await streams.info(stream)).config;
      const ms = window / NANOSECONDS;
      if (ms < SHORTEST_WINDOW_MS)
        this.boot.warn(
          `The stream ${stream} of JetStream has a duplicate_window of ${ms} ms. A retry that comes later is a second message. Give it at least two minutes`,
        );
    } catch {
      this.seen.delete(stream);
    }
  }
}

function withoutStream(subject: string): string {
  return `No stream of JetStream takes the subject ${JSON.stringify(subject)}: add it to the subjects of a stream`;
}

/** https://docs.nats.io/nats-concepts/subjects#characters-allowed-for-subject-names */
function problemOfSubject(subject: unknown): string | undefined {
  if (typeof subject !== 'string' || subject === '') return 'must be a subject, such as "orders.created"';
  if (/[\s\p{Cc}]/u.test(subject)) return 'has a space or a control character, which no subject has';
  const tokens = subject.split('.');
  if (tokens.includes('')) return 'has an empty part between two dots';
  return tokens.includes('*') || tokens.includes('>')
    ? 'has a wildcard, and no message can be sent to it'
    : undefined;
}
