/** Postgres refuses NUL and lone surrogates in text and in JSON. */
const UNSTORABLE = /\p{Surrogate}|\0/gu;

/** The text without characters that Postgres refuses. */
export function storable(text: string): string {
  return text.replace(UNSTORABLE, '\uFFFD');
}

/** The beginning of a text that fits into this number of bytes of UTF-8. No character is cut in two. */
export function storableWithin(bytes: number, text: string): string {
  // A code unit takes at least one byte, so no more of them can fit.
  const clean = storable(text.slice(0, bytes));
  if (clean.length * 3 <= bytes) return clean;
  const encoded = Buffer.from(clean);
  if (encoded.length <= bytes) return clean;
  let end = bytes;
  // A byte of the form 10xxxxxx continues the character before it.
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}
