import type { Words } from '../../api/action.ts';

export const words: Words = {
  'webhooks.read': 'see webhooks',
  'webhooks.change': 'change endpoints and destinations of webhooks',
};
