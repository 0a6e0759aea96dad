import { FLAG, INTEGER, named, object } from '../../rest/schema.js';

/** A number of rows. With `atLeast` there are more than `count`, and nobody counted how many. */
export const Counted = named('Counted', object({ count: INTEGER, atLeast: FLAG }));

/** The same, and about how many there are. */
export const EstimatedCount = named(
  'EstimatedCount',
  object({ count: INTEGER, atLeast: FLAG, estimate: INTEGER }),
);
