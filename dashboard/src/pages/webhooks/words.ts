import type { Words } from '../../api/action.ts';

export const words: Words = {
  'webhooks.read': 'see webhooks',
  'webhooks.change': 'pause and resume endpoints of webhooks',
};
