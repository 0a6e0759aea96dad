import { setTimeout as delay } from 'node:timers/promises';
import type { SourceMessage } from '../sources/source-message.js';
import type { ConsumerLike, GivenBatch, KafkaMessageLike } from './kafka-consumer.js';

/** A record of a topic, as `map` gets it. */
export interface KafkaSourceMessage extends SourceMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Uint8Array | null;
}

/** A part of a batch that the consumer has brought, from `from` on. It waits until it is stored. */
interface Offer {
  readonly batch: GivenBatch['batch'];
  readonly from: number;
  /** So many of its messages are stored. None means that the feed has ended. */
  readonly settle: (stored: number) => void;
}

/** For how long a pull waits for a batch. */
const WAIT_MS = 1_000;
/** The consumer sends a heartbeat at most as often as it is set to. */
const HEARTBEAT_MS = 1_000;

/**
 * Brings a consumer of kafkajs, which pushes batches, together with a source, which pulls. The consumer
 * brings one batch at a time, and brings the next one when `eachBatch` has ended. Until then the batch is
 * offered:
 *
 * - offered: a pull takes its next messages. A pull that is not acknowledged is offered again.
 * - acknowledged: the offsets are committed, and what follows in the batch is offered.
 * - ended: a heartbeat failed because the group is shared out anew, or the feed ends. The consumer brings
 *   again what is not committed.
 */
export class KafkaFeed {
  private offer: Offer | undefined;
  private pulled: { readonly offer: Offer; readonly count: number } | undefined;
  private failure: Error | undefined;
  private isEnding = false;
  private wake: () => void = () => {};

  constructor(private readonly consumer: ConsumerLike) {}

  /** A new group begins with the first message. Otherwise a crash before its first commit would lose some. */
  async start(topics: readonly string[]): Promise<void> {
    this.consumer.on('consumer.crash', ({ payload }) => {
      if (payload.restart) return;
      this.failure = payload.error;
      this.wake();
    });
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (given) => this.takeBatch(given),
    });
  }

  async pull(max: number): Promise<KafkaSourceMessage[]> {
    if (this.offer === undefined && this.failure === undefined && !this.isEnding) await this.untilOffered();
    if (this.failure !== undefined) throw this.failure;
    const { offer } = this;
    if (offer === undefined) return [];
    const { batch, from } = offer;
    const messages = batch.messages.slice(from, from + max).map((message) => received(message, batch));
    this.pulled = { offer, count: messages.length };
    return messages;
  }

  /** Commits the offsets of the last pull. If its offer has ended, its messages come again. */
  async ack(): Promise<void> {
    const { pulled } = this;
    if (pulled === undefined || pulled.offer !== this.offer) return;
    const { batch, from, settle } = pulled.offer;
    const last = batch.messages[from + pulled.count - 1];
    if (last === undefined) return;
    const offset = String(BigInt(last.offset) + 1n);
    await this.consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }]);
    settle(pulled.count);
  }

  async end(): Promise<void> {
    this.isEnding = true;
    this.offer?.settle(0);
    this.wake();
    await this.consumer.disconnect();
  }

  private async takeBatch({
    batch,
    resolveOffset,
    heartbeat,
    isRunning,
    isStale,
  }: GivenBatch): Promise<void> {
    const { length } = batch.messages;
    for (let from = 0; from < length && !this.isEnding && isRunning() && !isStale(); ) {
      const stored = await this.offered(batch, from, heartbeat);
      const last = batch.messages[from + stored - 1];
      if (stored === 0 || last === undefined) return;
      resolveOffset(last.offset);
      from += stored;
      await heartbeat();
    }
  }

  /** The group takes a consumer without heartbeats for dead, and storing may take long. */
  private async offered(
    batch: GivenBatch['batch'],
    from: number,
    heartbeat: GivenBatch['heartbeat'],
  ): Promise<number> {
    let beats: NodeJS.Timeout | undefined;
    try {
      return await new Promise<number>((resolve, reject) => {
        const settle = (stored: number) => {
          // The next pull must not find it, and may come before the consumer goes on.
          this.offer = undefined;
          resolve(stored);
        };
        this.offer = { batch, from, settle };
        this.wake();
        beats = setInterval(() => void heartbeat().catch(reject), HEARTBEAT_MS);
      });
    } finally {
      clearInterval(beats);
      this.offer = undefined;
    }
  }

  private async untilOffered(): Promise<void> {
    const waiting = new AbortController();
    this.wake = () => waiting.abort();
    await delay(WAIT_MS, undefined, { signal: waiting.signal }).catch(() => {});
  }
}

function received(
  { key, value, offset, timestamp, headers = {} }: KafkaMessageLike,
  { topic, partition }: GivenBatch['batch'],
): KafkaSourceMessage {
  // A topic that was made again begins with the same offsets, and other times.
  const place = `${topic}/${partition}/${offset}/${timestamp}`;
  return { headers, body: value, place, topic, partition, offset, key };
}
