import { sign } from '@octokit/webhooks-methods';
import type { DeliveryInput } from './deliveries-input.js';

/** Calls at once; GitHub does not wait for one delivery before it makes the next. */
const CONCURRENCY = 8;

export interface Answer {
  status: number;
  text: string;
}

export interface SendResult {
  accepted: number;
  /** The first answers that were no 200, for the screen. */
  refused: string[];
}

/** When a delivery was sent, and when it was answered, by the clock of this process. */
export interface SendTimes {
  sentAt: number;
  answeredAt: number;
}

/** Sends deliveries as GitHub does, signed by GitHub's own library. */
export class Sender {
  /** Of each delivery, by its id. */
  readonly times = new Map<string, SendTimes>();

  constructor(
    private readonly url: string,
    private readonly secret: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Makes every call: in order, and a few at a time. `onProgress` gets how many were answered. */
  async sendAll(
    deliveries: readonly DeliveryInput[],
    onProgress: (answered: number) => void,
  ): Promise<SendResult> {
    const queue = deliveries.values();
    const result: SendResult = { accepted: 0, refused: [] };
    let answered = 0;
    const sendSome = async () => {
      for (const delivery of queue) {
        this.signal.throwIfAborted();
        const sentAt = performance.now();
        const response = await this.send(delivery);
        this.times.set(delivery.id, { sentAt, answeredAt: performance.now() });
        if (response.status === 200) result.accepted++;
        else result.refused.push(`${delivery.kind}: ${response.status} ${response.text.slice(0, 200)}`);
        onProgress(++answered);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, sendSome));
    return result;
  }

  /** One delivery. With `changed` its body gets another byte after it was signed, as no sender would do. */
  async send({ id, kind, body }: DeliveryInput, { changed = false } = {}): Promise<Answer> {
    const text = JSON.stringify(body);
    const response = await fetch(`${this.url}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': kind,
        'x-github-delivery': id,
        'x-hub-signature-256': await sign(this.secret, text),
      },
      body: changed ? `${text} ` : text,
      signal: this.signal,
    });
    return { status: response.status, text: await response.text() };
  }
}
