import { randomUUID } from 'node:crypto';

/**
 * A uuid of version 7 that begins with the time, so that rows are listed in the order of their creation. Its
 * other 74 bits are random, because it stands in a URL and must not be guessed from another one.
 */
export function newEndpointId(now = Date.now()): string {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
