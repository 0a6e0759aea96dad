import type { RegisteredHandler } from './consumer.js';
import { subscriberOptionsOf } from './integration-subscriber.decorator.js';

export type MethodKey = string | symbol;
export type Methods = Record<MethodKey, RegisteredHandler>;

/**
 * The keys of the decorated methods that an object has, its own or inherited ones, symbols included. A key that was overridden counts as
 * it is now. Accessors are passed over: reading one could do anything.
 */
export function decoratedMethods(holder: object): MethodKey[] {
  const found: MethodKey[] = [];
  const seen = new Set<MethodKey>();
  for (
    let owner: object | null = holder;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const key of Reflect.ownKeys(owner)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const method: unknown = Object.getOwnPropertyDescriptor(owner, key)?.value;
      if (key !== 'constructor' && subscriberOptionsOf(method).length > 0) found.push(key);
    }
  }
  return found;
}
