/** The first line of a text, of at most `most` characters. Empty for null. */
export function firstLine(text: string | null, most = Number.POSITIVE_INFINITY): string {
  const [line = ''] = (text ?? '').split('\n', 1);
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
