import type { DeliveryInput } from './deliveries-input.js';

/** Calls at once; GitHub does not wait for one delivery before it makes the next. */
const CONCURRENCY = 8;

export interface SendResult {
  accepted: number;
  /** The first answers that were no 202, for the screen. */
  refused: string[];
}

/** Makes every call, a few at a time and in order of their beginning. `onProgress` gets the number of those answered. */
export async function sendDeliveries(
  url: string,
  deliveries: readonly DeliveryInput[],
  signal: AbortSignal,
  onProgress: (answered: number) => void,
): Promise<SendResult> {
  const queue = deliveries.values();
  const result: SendResult = { accepted: 0, refused: [] };
  let answered = 0;
  const sendSome = async () => {
    for (const delivery of queue) {
      signal.throwIfAborted();
      const response = await sendDelivery(url, delivery, signal);
      if (response.status === 202) result.accepted++;
      else result.refused.push(`${delivery.kind}: ${response.status} ${response.text.slice(0, 200)}`);
      onProgress(++answered);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, sendSome));
  return result;
}

/** One webhook call, as GitHub makes it. */
export async function sendDelivery(
  url: string,
  { id, kind, body }: DeliveryInput,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/webhooks/github`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-github-event': kind, 'x-github-delivery': id },
    body: JSON.stringify(body),
    signal,
  });
  return { status: response.status, text: await response.text() };
}
