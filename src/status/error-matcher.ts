import { normalizedMessage } from '../words/normalized-message.js';

/** A text with fewer letters, such as `order 7`, would match too much without its numbers. */
const FEWEST_LETTERS = 8;

/**
 * Says of an error whether it has a text in it. Errors of one kind differ by numbers, ids and quoted texts,
 * and only the last one is looked at. So an error that is the same without these is meant as well.
 */
export function errorMatcher(text: string): (error: string | null) => boolean {
  const plain = text.toLowerCase();
  const normal = normalizedMessage(plain);
  const letters = normal.replace(/[^\p{L}]/gu, '').length;
  return (error) => {
    const whole = error?.toLowerCase() ?? '';
    if (whole.includes(plain)) return true;
    return letters >= FEWEST_LETTERS && normalizedMessage(whole).includes(normal);
  };
}
