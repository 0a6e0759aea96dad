import { placesNotCompared } from './schemas/classes/schema-parts.js';
import type { JsonSchema } from './schemas/event-schema.js';

/** How much of a contract is compared: the whole, all but some places, or nothing. */
export const COMPARED = ['whole', 'in part', 'not'] as const;

export interface Comparison {
  readonly compared: (typeof COMPARED)[number];
  /** The places of the payload that are not compared, where the others are. */
  readonly notCompared: readonly string[];
}

/**
 * Says whether a change of a contract would be noticed. Contracts are compared by their JSON Schemas. Without
 * one nothing is compared, and of a class the places are not that JSON Schema has no word for.
 */
export function comparisonOf(schema: JsonSchema | null): Comparison {
  if (schema === null) return { compared: 'not', notCompared: [] };
  const notCompared = placesNotCompared(schema);
  return { compared: notCompared.length === 0 ? 'whole' : 'in part', notCompared };
}

/** The same in words. */
export function comparisonText({ compared, notCompared }: Comparison): string {
  if (compared === 'not') return 'no, it has no JSON Schema';
  return compared === 'whole' ? 'yes' : `yes, but for ${notCompared.join(', ')}`;
}
