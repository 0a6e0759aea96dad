import { wholeText } from '../words/number-text.js';

/** `12 min` */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 120 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `billing`, or `297 consumers`, with the verb in its number. */
export function subject(consumers: readonly string[], one: string, many: string): string {
  const [only] = consumers;
  return consumers.length === 1 ? `${only} ${one}` : `${wholeText(consumers.length)} consumers ${many}`;
}

/** The first line of a text. */
export function firstLine(text: string, most: number): string {
  const [line = ''] = text.split('\n', 1);
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
