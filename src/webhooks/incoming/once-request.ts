import { AsyncLocalStorage } from 'node:async_hooks';
import type { VerifiedWebhookRequest } from './accepted-webhook.js';

interface RunningRequest {
  readonly verified: VerifiedWebhookRequest;
  /** The key of the first `once` of the request. */
  firstKey: string | undefined;
}

const running = new AsyncLocalStorage<RunningRequest>();

/** Runs the handler of a route with `@VerifiedWebhook`, so that `once` knows which body came. */
export function withinRequest<R>(verified: VerifiedWebhookRequest, run: () => R): R {
  return running.run({ verified, firstKey: undefined }, run);
}

/**
 * The hash of the body that the current route has verified for this source. Only the first key of a request
 * stands for its body. A route that takes a list apart does each element once, and these must not be taken
 * for repetitions of each other.
 */
export function bodyHashOfRequest(source: string, key: string): string | undefined {
  const request = running.getStore();
  if (request === undefined || request.verified.source !== source) return undefined;
  request.firstKey ??= key;
  return request.firstKey === key ? request.verified.bodyHash : undefined;
}
