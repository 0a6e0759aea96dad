import { ADMIN_ACTIONS } from '../admin-action.js';
import { list, named, object, oneOf, TEXT } from './schema.js';

export const Session = named('Session', object({ actor: TEXT, actions: list(oneOf(ADMIN_ACTIONS)) }));
