import { FLAG, INTEGER, named, object } from './schema.js';

/** A number of rows. With `atLeast` there are more than `count`, and nobody counted how many. */
export const Counted = named('Counted', object({ count: INTEGER, atLeast: FLAG }));
