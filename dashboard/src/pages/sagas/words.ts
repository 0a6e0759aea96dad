import type { Words } from '../../api/action.ts';

export const words: Words = {
  'sagas.read': 'see sagas',
  'sagas.change': 'end sagas and retry them',
};
