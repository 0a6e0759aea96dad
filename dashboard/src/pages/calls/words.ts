import type { Words } from '../../api/action.ts';

export const words: Words = {
  'calls.read': 'see calls',
  'calls.change': 'ask for calls, repeat or cancel them',
};
