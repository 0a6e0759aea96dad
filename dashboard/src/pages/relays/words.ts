import type { Words } from '../../api/action.ts';

export const words: Words = { 'relays.read': 'see relays' };
