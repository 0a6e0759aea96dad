interface Page {
  readonly items: readonly unknown[];
}

interface KeptPage {
  readonly etag: string;
  readonly page: Page;
}

/** The pages of this many addresses are remembered. */
const MOST_KEPT = 4;
/** The pages that were read last, by their addresses. */
const kept = new Map<string, KeptPage>();

/** A read of a page that asks only for what has changed since the last one from the same address. */
export class PageChanges {
  private constructor(
    private readonly address: string,
    private readonly before: KeptPage | undefined,
  ) {}

  static at(address: string): PageChanges {
    return new PageChanges(address, kept.get(address));
  }

  get headers(): Record<string, string> {
    return {
      'A-IM': 'rows',
      ...(this.before === undefined ? {} : { 'If-None-Match': this.before.etag }),
    };
  }

  /** The whole page. Undefined if the answer has none, or names another page than this one has. */
  pageOf({ status, headers }: Response, json: unknown): unknown {
    const page = this.put(status, headers.get('delta-base'), json);
    const etag = headers.get('etag');
    kept.delete(this.address);
    if (page !== undefined && etag !== null) kept.set(this.address, { etag, page: page as Page });
    for (const oldest of [...kept.keys()].slice(0, -MOST_KEPT)) kept.delete(oldest);
    return page;
  }

  private put(status: number, base: string | null, json: unknown): unknown {
    if (status === 200) return json;
    if (this.before === undefined) return undefined;
    const { etag, page } = this.before;
    if (status === 304) return page;
    if (status !== 226 || base !== etag || json === undefined) return undefined;
    const changes = json as Page;
    // Two places stand for the rows between them, which are unchanged.
    const rowsOf = (each: unknown) => (Array.isArray(each) ? page.items.slice(each[0], each[1] + 1) : [each]);
    return { ...changes, items: changes.items.flatMap(rowsOf) };
  }
}
