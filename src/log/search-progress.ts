import { wholeText } from '../words/number-text.js';
import type { EventOrder, SearchProgress } from './event-look.js';
import type { Stretch } from './event-look.store.js';

/** How far a search of `whole` has come that has looked at `scannedTo`. */
export function progressOf(whole: Stretch, scannedTo: number, order: EventOrder = 'latest'): SearchProgress {
  const of = Math.max(0, whole.high - whole.low);
  const passed = order === 'oldest' ? scannedTo + 1 - whole.low : whole.high - scannedTo;
  const looked = Math.min(of, Math.max(0, passed));
  const where = order === 'oldest' ? 'up to' : 'back to';
  const sentence = `looked at ${wholeText(looked)} of ${wholeText(of)} positions, ${where} position ${wholeText(scannedTo)}`;
  return { looked, of, sentence };
}
