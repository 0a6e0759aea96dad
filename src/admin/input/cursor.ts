import { type Field, field, wrong } from '../../rest/field.js';

/** The place in a list after which a page begins. It is opaque to clients, so that it may change. */
export type CursorParts = readonly (string | number)[];

export function cursorText(parts: CursorParts): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

type Kind = 'position' | 'number' | 'text';

/** A cursor of this number of parts, each a position, another number, or a text. */
export function cursor<const Kinds extends readonly Kind[]>(
  kinds: Kinds,
): Field<{ [K in keyof Kinds]: Kinds[K] extends 'text' ? string : number }> {
  return field(
    'The `next` of the page before. Leave it out for the first page.',
    { type: 'string', maxLength: MAX_LENGTH },
    (given) => {
      const parts = typeof given === 'string' ? partsOf(given) : undefined;
      if (parts?.length === kinds.length && parts.every((part, index) => isOf(kinds[index], part))) {
        return { value: parts as never };
      }
      return wrong('must be the next of a page of this list, as it was given');
    },
  );
}

const MAX_LENGTH = 2_000;

function partsOf(given: string): unknown[] | undefined {
  if (given.length > MAX_LENGTH) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(given, 'base64url').toString('utf8'));
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function isOf(kind: Kind | undefined, part: unknown): boolean {
  if (kind === 'number') return Number.isFinite(part);
  if (kind === 'position') return Number.isSafeInteger(part) && (part as number) >= 0;
  return typeof part === 'string' && part.length <= 1_000 && part.isWellFormed() && !part.includes('\0');
}
