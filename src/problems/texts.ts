import { wholeText } from '../words/number-text.js';

/** `billing`, or `297 consumers`, with the verb in its number. */
export function subject(consumers: readonly string[], one: string, many: string): string {
  const [only] = consumers;
  return consumers.length === 1 ? `${only} ${one}` : `${wholeText(consumers.length)} consumers ${many}`;
}
