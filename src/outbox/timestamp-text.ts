const UP_TO_SECONDS = 'yyyy-mm-dd hh:mm:ss'.length;

let lastSecond = '';
let lastSecondMs = 0;

/**
 * Milliseconds since 1970 of a timestamptz as Postgres prints it for UTC: `2026-01-02 03:04:05.678901+00`, the fraction as long as
 * need be. Events of one page were mostly written in the same few seconds, so the last second read is kept.
 */
export function millisecondsOf(text: string): number {
  const second = text.slice(0, UP_TO_SECONDS);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondMs = Date.parse(`${second.replace(' ', 'T')}Z`);
  }
  if (text[UP_TO_SECONDS] !== '.') return lastSecondMs;
  const digits = text.slice(UP_TO_SECONDS + 1, text.indexOf('+', UP_TO_SECONDS)).slice(0, 3);
  return lastSecondMs + Number(digits.padEnd(3, '0'));
}
