import { list, named, object, TEXT } from './schema.js';

/** `parts` are the parts of the package that have added sections. Their actions are among `actions`. */
export const Session = named('Session', object({ actor: TEXT, actions: list(TEXT), parts: list(TEXT) }));
