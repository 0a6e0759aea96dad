/** The names along a JSON pointer (RFC 6901). `/lines/0/a~1b` has three. Undefined for what is no pointer. */
export function namesOfPointer(pointer: unknown): string[] | undefined {
  if (typeof pointer !== 'string') return undefined;
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Zeros before other digits, signs and fractions are no index: each element has one name only. */
const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/** The index of a list that a name of a pointer stands for, if it is below `end`. */
export function indexOf(name: string, end: number): number | undefined {
  const index = INDEX.test(name) ? Number(name) : end;
  return index < end ? index : undefined;
}
