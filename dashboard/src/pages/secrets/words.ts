import type { Words } from '../../api/action.ts';

export const words: Words = {
  'secrets.read': 'see which secrets and keys there are',
  'secrets.rotate': 'change keys',
};
