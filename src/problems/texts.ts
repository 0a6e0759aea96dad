import { wholeText } from '../words/number-text.js';

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
