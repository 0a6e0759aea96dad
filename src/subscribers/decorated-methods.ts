export type MethodKey = string | symbol;
export type Method = (...args: unknown[]) => unknown;
export type Methods = Record<MethodKey, Method>;

/**
 * The keys of the decorated methods that an object has, its own or inherited ones, symbols included. A key
 * that was overridden counts as it is now. Accessors are passed over: reading one could do anything.
 */
export function decoratedMethods(holder: object, isDecorated: (method: unknown) => boolean): MethodKey[] {
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
      if (key !== 'constructor' && isDecorated(method)) found.push(key);
    }
  }
  return found;
}
