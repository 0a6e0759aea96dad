const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `12,345` */
export function wholeText(value: number): string {
  return WHOLE.format(value);
}

/** A number with its noun: `1 partition`, `1,200 partitions`. */
export function countedText(count: number, noun: string): string {
  return `${wholeText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
