import { createHash } from 'node:crypto';

/** SHA-256 of a JSON value, whatever the order of its names is. Hexadecimal. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const own = value as Record<string, unknown>;
  return Object.keys(own)
    .sort()
    .map((name) => [name, sorted(own[name])]);
}
