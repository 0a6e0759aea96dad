/** So much of a message is looked at, and so much of it counts once it is normalized. */
const LOOKED_AT = 4_000;
const COUNTS = 500;

/**
 * The message with `#` in the place of numbers, ids, quoted texts, addresses and the like.
 *
 * Each pattern reads the text once, or a bounded part of it from each place. So the time is bounded, whatever
 * the text is.
 */
export function normalizedMessage(message: string): string {
  return message
    .slice(0, LOOKED_AT)
    .replace(/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>]+/gi, '#')
    .replace(/[\w.+%-]{1,64}@[\w-][\w.-]{0,253}/g, '#')
    .replace(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, '#')
    .replace(/"[^"]*"|`[^`]*`|“[^”]*”|«[^»]*»|(?<!\w)'[^']*'|(?<!\w)‘[^’]*’/g, '#')
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]{5,20}Z?/g, '#')
    .replace(/\b\d+(?:\.\d+)?e[+-]?\d+\b/gi, '#')
    .replace(/\w+/g, withoutIds)
    .replace(/[+-]?#(?:[.,:/-]#)*/g, '#')
    .replace(/#(?:[,;\s]{1,3}#)+/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, COUNTS);
}

/** A word of letters and digits: an id as a whole, or a word with numbers in it. */
function withoutIds(word: string): string {
  if (!/\d/.test(word)) return word;
  const isHex = word.length >= 6 && /^(?:0x)?[0-9a-f]+$/i.test(word);
  const isId = word.length >= 12 && word.replace(/\D/g, '').length >= 2;
  return isHex || isId || /^0x/i.test(word) ? '#' : word.replace(/\d+/g, '#');
}
