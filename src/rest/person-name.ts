const LONGEST_NAME = 255;

/**
 * The name of a person as a function of the host has answered it. `nobody`: it has answered none. `no name`:
 * it has answered something that is neither a text nor a number.
 */
export type AnsweredName = { readonly name: string } | 'nobody' | 'no name';

/** A name that the audit can keep: at most `longest` characters. */
export function nameOf(answer: unknown, longest = LONGEST_NAME): AnsweredName {
  if (answer === undefined || answer === null) return 'nobody';
  const isNumber = Number.isFinite(answer) || typeof answer === 'bigint';
  const text = isNumber ? String(answer) : answer;
  if (typeof text !== 'string') return 'no name';
  const name = text.toWellFormed().replaceAll('\0', '').trim();
  return name === '' ? 'nobody' : { name: [...name].slice(0, longest).join('') };
}

/** The kind of an answer. Its value may be personal. */
export function kindOf(answer: unknown): string {
  return typeof answer === 'object' ? 'an object' : `a ${typeof answer}`;
}
