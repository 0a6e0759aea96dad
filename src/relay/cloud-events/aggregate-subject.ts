interface Aggregate {
  readonly aggregateType: string;
  readonly aggregateId: string;
}

/**
 * The aggregate as one text without spaces: `order/42`. Each part is URI-encoded, so `/` stands there once.
 */
export function subjectOf({ aggregateType, aggregateId }: Aggregate): string {
  return `${encodeURIComponent(aggregateType)}/${encodeURIComponent(aggregateId)}`;
}

/** The aggregate of such a text. Undefined if the text has another form. */
export function aggregateOf(subject: string | undefined): Aggregate | undefined {
  const [type, id, ...more] = subject?.split('/') ?? [];
  if (type === undefined || id === undefined || type === '' || id === '' || more.length > 0) return undefined;
  try {
    return { aggregateType: decodeURIComponent(type), aggregateId: decodeURIComponent(id) };
  } catch {
    return undefined;
  }
}
