import { cursor } from '../admin/input/cursor.js';

/** The place of a secret in the list of all, as requests and command lines give it: tenant, owner, name. */
export const secretPlace = cursor(['text', 'text', 'text', 'text']);
