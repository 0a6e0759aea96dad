import { INTEGER, list, named, object, oneOf, optional, TEXT } from './schema.js';

/** A problem as RFC 9457 has it, which every refusal is. */
export const Problem = named(
  'Problem',
  object({
    type: TEXT,
    title: TEXT,
    status: INTEGER,
    code: TEXT,
    detail: TEXT,
    errors: optional(
      list(object({ in: oneOf(['path', 'query', 'header', 'body']), pointer: TEXT, message: TEXT })),
    ),
  }),
);
