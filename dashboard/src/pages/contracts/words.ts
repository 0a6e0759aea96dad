import type { Words } from '../../api/action.ts';

export const words: Words = { 'contracts.read': 'see contracts' };
