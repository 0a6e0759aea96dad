/**
 * What is wrong with the text of a secret, whatever scheme it is for. Undefined if nothing is. Nothing of the
 * secret stands in it.
 */
export function problemOfText(secret: string): string | undefined {
  // The text of a key in PEM ends with a line break by its form.
  if (secret === secret.trim() || secret.includes('-----BEGIN')) return undefined;
  return 'it begins or ends with a blank or a line break, which files and copied texts often have and senders do not: take it out';
}

const SHORTEST = 8;

/** Whether somebody can find the secret by trying texts. */
export function isShort(secret: string): boolean {
  return secret.length < SHORTEST;
}

export const TOO_SHORT = `it has fewer than ${SHORTEST} characters, so it can be guessed`;
