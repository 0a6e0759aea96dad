import { wholeText } from '../words/number-text.js';
import type { SearchProgress } from './event-look.js';
import type { Stretch } from './event-look.store.js';

/** How far a search of `whole` has come that goes down and has looked at `scannedTo`. */
export function progressOf(whole: Stretch, scannedTo: number): SearchProgress {
  const of = Math.max(0, whole.high - whole.low);
  const looked = Math.min(of, Math.max(0, whole.high - scannedTo));
  const sentence = `looked at ${wholeText(looked)} of ${wholeText(of)} positions, back to position ${wholeText(scannedTo)}`;
  return { looked, of, sentence };
}
