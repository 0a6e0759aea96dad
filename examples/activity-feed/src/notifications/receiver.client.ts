import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { NonRetryableError, RetryAfterError } from 'nestjs-integration';
import type { Environment } from '../config/environment.js';

/** Somebody else's HTTP service. Its answers decide what becomes of the event that is being handled. */
@Injectable()
export class ReceiverClient {
  constructor(private readonly config: ConfigService<Environment, true>) {}

  /**
   * Posts `body`. A call may have arrived although its answer was lost, and is then made again: the receiver recognises it by
   * `idempotencyKey`.
   */
  async post(path: string, idempotencyKey: string, body: object, signal: AbortSignal): Promise<void> {
    const response = await fetch(new URL(path, this.config.get('NOTIFICATIONS_URL', { infer: true })), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify(body),
      signal,
    });
    const answer = (await response.text()).slice(0, 200);
    if (response.ok) return;
    const message = `The receiver answered ${response.status}: ${answer}`;
    if (response.status === 429) throw new RetryAfterError(retryAfterMs(response), message);
    // It understood and refused; asking again will not change its mind.
    if (response.status >= 400 && response.status < 500) throw new NonRetryableError(message);
    throw new Error(message);
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 1000;
}
