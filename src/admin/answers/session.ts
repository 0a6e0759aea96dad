import { ANY_OBJECT, list, named, object, orNull, TEXT } from '../../rest/schema.js';

/**
 * `parts` are the parts of the package that have added sections. Their actions are among `actions`. `links`
 * are the templates of links to other tools.
 */
export const Session = named(
  'Session',
  object({
    actor: TEXT,
    actions: list(TEXT),
    parts: list(TEXT),
    links: object({ trace: orNull(TEXT), log: orNull(TEXT), host: orNull(TEXT) }),
  }),
);

/** A document of OpenAPI 3.1, as the package ships one for all parts. */
export const OpenApiDocument = named('OpenApiDocument', ANY_OBJECT);
