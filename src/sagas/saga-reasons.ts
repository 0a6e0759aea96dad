/** Why an event is left out that comes after the end of its saga. It stands in the history. */
export const AFTER_END = 'the saga has ended';
