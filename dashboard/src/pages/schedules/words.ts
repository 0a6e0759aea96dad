import type { Words } from '../../api/action.ts';

export const words: Words = {
  'schedules.read': 'see schedules',
  'schedules.change': 'pause, trigger and remove schedules',
};
