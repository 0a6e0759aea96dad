export type MethodKey = string | symbol;
export type Method = (...args: unknown[]) => unknown;
export type Methods = Record<MethodKey, Method>;

/**
 * Returns the keys of an object's decorated methods, its own and inherited ones, including symbols. If a
 * method is overridden, only the overriding one counts. Accessors are skipped, because reading one could do
 * anything.
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
