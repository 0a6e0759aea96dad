import { FLAG, named, object } from '../../rest/schema.js';

/** The answer of a change that has nothing else to say. */
export const Done = named('Done', object({ done: FLAG }));
