import { createHash } from 'node:crypto';
import { Answer } from '../../http/answer.js';
import { headerOf, type ServerRequest } from '../../http/server-request.js';

/** What a request asks for in `A-IM`, as RFC 3229 has it: only the rows that have changed. */
const ROWS = 'rows';
/** A row that was told takes a hundred bytes here, however long it is. */
const MOST_ROWS = 20_000;

/** A page of rows, with whatever else its answer has. */
export interface RowsPage {
  readonly items: readonly unknown[];
}

/** The place of each row of a page that was told, by the digest of its text. */
type Places = ReadonlyMap<string, number>;

/**
 * Answers a page of rows by what has changed since the page that the client has.
 *
 * A client is never left with a wrong picture. It names the page that it has by the tag that came with it,
 * and a tag is a digest of every byte of its page. Either this process knows the page of that tag, and says
 * which of its rows stand where in the new one, or it does not know it, and sends all of the new page. So an
 * answer that was lost, a reconnect, a restart, another process and another version only cost a whole page.
 * Nothing is remembered of a client.
 */
export class PageChanges {
  /** The page that was told last comes last. */
  private readonly told = new Map<string, Places>();
  private rows = 0;

  answerOf(request: Pick<ServerRequest, 'headers'>, page: RowsPage): Answer {
    if (headerOf(request, 'a-im')?.trim() !== ROWS) return Answer.of(page);
    const had = headerOf(request, 'if-none-match');
    const before = had === undefined ? undefined : this.told.get(had);
    const { items, ...rest } = page;
    const digests = items.map((row) => digestOf(JSON.stringify(row)));
    const tag = `"${digestOf(JSON.stringify([digests, rest]))}"`;
    this.keep(tag, new Map(digests.map((digest, place) => [digest, place])));
    const headers = { ETag: tag };
    if (had === tag) return Answer.ofText('', { status: 304, headers });
    if (had === undefined || before === undefined) return Answer.of(page, { headers });
    return Answer.of(
      { ...rest, items: changedItems(items, digests, before) },
      { status: 226, headers: { ...headers, IM: ROWS, 'Delta-Base': had } },
    );
  }

  private keep(tag: string, places: Places): void {
    this.forget(tag);
    this.told.set(tag, places);
    this.rows += places.size;
    for (const oldest of this.told.keys()) {
      if (this.rows <= MOST_ROWS) break;
      this.forget(oldest);
    }
  }

  private forget(tag: string): void {
    this.rows -= this.told.get(tag)?.size ?? 0;
    this.told.delete(tag);
  }
}

/**
 * Each row that the page before does not have, and in the place of others where they stand there: from, to.
 */
function changedItems(items: readonly unknown[], digests: readonly string[], before: Places): unknown[] {
  const changed: unknown[] = [];
  let run: [from: number, to: number] | undefined;
  for (const [index, digest] of digests.entries()) {
    const place = before.get(digest);
    if (place !== undefined && place - 1 === run?.[1]) {
      run[1] = place;
      continue;
    }
    run = place === undefined ? undefined : [place, place];
    changed.push(run ?? items[index]);
  }
  return changed;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
