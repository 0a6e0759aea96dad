import type { RabbitChannel, TakenMessage } from './rabbit-channels.js';

/** For how long a pull waits for the first message. */
const WAIT_MS = 5_000;
/** A pull that is not full ends when nothing has come for this time. */
const NEXT_MS = 2;

/**
 * A consumer of RabbitMQ, whose messages come by themselves, for a source, which pulls. The server sends at
 * most `prefetch` messages that are not acknowledged, so what waits here and what was pulled are no more than
 * one pull together.
 *
 * A message that waits here has a higher tag than each one that was pulled before. So "acknowledge all up to
 * the last one that was pulled" is no word about it.
 */
export class RabbitFeed {
  private waiting: TakenMessage[] = [];
  private cancel: (() => Promise<unknown>) | undefined;
  private isClosed = false;
  /** Ends a wait, once so many messages are there as it wants. */
  private wake: () => void = () => {};
  private wanted = 0;

  constructor(private readonly channel: RabbitChannel) {}

  async start(queue: string, prefetch: number): Promise<void> {
    this.cancel = await this.channel.consume(queue, prefetch, {
      onMessage: (message) => {
        this.waiting.push(message);
        if (this.waiting.length >= this.wanted) this.wake();
      },
      onEnd: () => {
        this.isClosed = true;
        this.wake();
      },
    });
  }

  /** @throws Error if the channel is closed: the server has put its messages back into the queue */
  async pull(max: number, signal: AbortSignal): Promise<TakenMessage[]> {
    await this.untilThereAre(1, WAIT_MS, signal);
    for (let before = 0; before < this.waiting.length && this.waiting.length < max; ) {
      before = this.waiting.length;
      await this.untilThereAre(max, NEXT_MS, signal);
    }
    if (this.isClosed) throw new Error('the channel was closed, or the consumer was ended by RabbitMQ');
    return signal.aborted ? [] : this.waiting.splice(0, max);
  }

  ackUpTo(message: TakenMessage): void {
    this.channel.ackUpTo(message.deliveryTag);
  }

  /** Ends the consumer, and puts back what was not acknowledged. The server keeps its order. */
  async end(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.waiting = [];
    await this.cancel?.();
    this.channel.requeueAll();
  }

  /** Resolves earlier when the time is over. A message costs no more than a look at how many there are. */
  private untilThereAre(wanted: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.isClosed || signal.aborted || this.waiting.length >= wanted) return Promise.resolve();
    this.wanted = wanted;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.wake = () => {};
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
      this.wake = end;
    });
  }
}
