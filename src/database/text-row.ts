/** The columns of one row as text, in the order of the select list. */
export type TextRow = readonly (string | null)[];
