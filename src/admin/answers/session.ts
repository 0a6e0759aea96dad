import { ANY_OBJECT, list, named, object, TEXT } from './schema.js';

/** `parts` are the parts of the package that have added sections. Their actions are among `actions`. */
export const Session = named('Session', object({ actor: TEXT, actions: list(TEXT), parts: list(TEXT) }));

/** A document of OpenAPI 3.1, as the package ships one for all parts. */
export const OpenApiDocument = named('OpenApiDocument', ANY_OBJECT);
