import { createHash } from 'node:crypto';
import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';
import { loopOfPages, type RequestOfError, unusable } from './http-errors.js';
import type { HttpAnswer, HttpRequestOptions } from './http-request.js';
import { nextLink } from './link-header.js';
import type { Query } from './target-url.js';

/** Where something stands in a body: names and numbers, separated by dots (`data.items`), or a function. */
export type Place<T> = string | ((body: unknown) => T);

interface OfAllKinds<T> extends Pick<HttpRequestOptions, 'query' | 'headers' | 'timeoutMs' | 'signal'> {
  /** Where the items of a page stand. Default: the body is the list. */
  readonly items?: Place<readonly T[] | null | undefined> | undefined;
  /** What the body of a page must be. The items are read from what it makes of the body. */
  readonly schema?: EventSchema | undefined;
  /** What `next` of a page said, to go on behind it. */
  readonly after?: string | undefined;
}

/** Each page says where the next one begins. */
export interface CursorPages<T> extends OfAllKinds<T> {
  readonly type: 'cursor';
  /** Where the cursor of the next page stands. The last page has none, or null, or an empty text. */
  readonly next: Place<string | number | null | undefined>;
  /** The name in the query that takes it. Default: `cursor`. */
  readonly param?: string | undefined;
}

/** The header `Link` of each page has the URL of the next one (RFC 8288, `rel="next"`). */
export interface LinkPages<T> extends OfAllKinds<T> {
  readonly type: 'link';
  /** Where the URL stands in the body, if it does not stand in the header. */
  readonly next?: Place<string | null | undefined> | undefined;
}

interface CountedPages<T> extends OfAllKinds<T> {
  /** How many items a page is to have. It is sent if it is given. */
  readonly size?: number | undefined;
}

/** Pages begin behind so many items. The first page without items is the last one. */
export interface OffsetPages<T> extends CountedPages<T> {
  readonly type: 'offset';
  /** Names in the query. Default: `offset` and `limit`. */
  readonly param?: string | undefined;
  readonly sizeParam?: string | undefined;
  /** Where it stands how many items there are, which saves the last request. */
  readonly total?: Place<number | null | undefined> | undefined;
}

/** Pages have numbers. The first page without items is the last one. */
export interface NumberedPages<T> extends CountedPages<T> {
  readonly type: 'page';
  /** Names in the query. Default: `page` and `per_page`. */
  readonly param?: string | undefined;
  readonly sizeParam?: string | undefined;
  /** The number of the first page. Default: 1. */
  readonly first?: number | undefined;
  /** Where it stands how many pages there are, which saves the last request. */
  readonly totalPages?: Place<number | null | undefined> | undefined;
}

export type PagesOptions<T> = CursorPages<T> | LinkPages<T> | OffsetPages<T> | NumberedPages<T>;

export interface HttpPage<T> extends Omit<HttpAnswer, 'body'> {
  readonly items: readonly T[];
  readonly body: unknown;
  /** What leads to the next page, for `after`. Undefined on the last one. */
  readonly next: string | undefined;
}

/** How one kind of pages goes on. */
interface Turning {
  /** The names of its options, besides those of all kinds. */
  readonly options: readonly string[];
  /** What is asked for with the mark of a page, and for the first one without. */
  readonly ask: (mark: string | undefined) => { readonly query?: Query; readonly url?: string };
  /** The mark of the next page. */
  readonly next: (page: Read) => string | undefined;
  /** Whether pages say what the next one is. Else it is counted. */
  readonly saysMarks: boolean;
}

interface Read {
  readonly answer: PageAnswer;
  readonly count: number;
  readonly mark: string | undefined;
}

/** The answer with a page, and where it came from. */
export interface PageAnswer extends HttpAnswer {
  readonly url: URL;
  readonly of: RequestOfError;
}

/** Sends the GET for a page. */
export type AskPage = (pathOrUrl: string, options: HttpRequestOptions) => Promise<PageAnswer>;

const OF_ALL_KINDS = ['type', 'items', 'schema', 'after', 'query', 'headers', 'timeoutMs', 'signal'] as const;

/**
 * The pages of a list, one after the other. A page without items is not the last one where the other system
 * says what comes next.
 *
 * @throws IntegrationError INTEGRATION_PAGINATION_LOOP if pages go in a circle
 */
export async function* pagesOf<T>(
  ask: AskPage,
  path: string,
  options: PagesOptions<T>,
): AsyncGenerator<HttpPage<T>, void, undefined> {
  const turning = turningOf(options);
  checkNames(`an option of pages of the type ${options.type}`, options as object, [
    ...(OF_ALL_KINDS as unknown as []),
    ...(turning.options as unknown as []),
  ]);
  const { items: place, query, headers: sent, timeoutMs, signal, schema } = options;
  const asked = { headers: sent, timeoutMs, signal, schema };
  const circle = new Circle(turning);
  let mark = options.after;
  for (let number = 1; ; number++) {
    const { query: own, url } = turning.ask(mark);
    // A link has its whole query already.
    const answer = await ask(
      url ?? path,
      url === undefined ? { ...asked, query: { ...query, ...own } } : asked,
    );
    const items = itemsOf<T>(answer, place);
    const next = turning.next({ answer, count: items.length, mark });
    const { status, headers, requestId, body } = answer;
    if (circle.isSamePage(body, items.length)) throw loopOfPages(answer.of, number);
    const isCircle = circle.closes(mark ?? answer.url.href, next);
    yield { status, headers, requestId, body, items, next };
    if (next === undefined) return;
    if (isCircle) throw loopOfPages(answer.of, number);
    mark = next;
  }
}

/** Notices pages that go in a circle. */
class Circle {
  private readonly seen = new Set<string>();
  private before: string | undefined;

  constructor(private readonly turning: Pick<Turning, 'saysMarks'>) {}

  /**
   * Whether a page that counts says the same as the one before: the other system does not read its
   * number.
   */
  isSamePage(body: unknown, count: number): boolean {
    if (this.turning.saysMarks) return false;
    const digest = createHash('sha1')
      .update(JSON.stringify(body) ?? '')
      .digest('base64');
    const isSame = count > 0 && digest === this.before;
    this.before = digest;
    return isSame;
  }

  /** Whether the next page is one that was asked for before. */
  closes(mark: string, next: string | undefined): boolean {
    if (!this.turning.saysMarks) return false;
    this.seen.add(mark);
    return next !== undefined && this.seen.has(next);
  }
}

function turningOf<T>(options: PagesOptions<T>): Turning {
  switch (options.type) {
    case 'cursor':
      return cursorTurning(options);
    case 'link':
      return linkTurning(options);
    case 'offset':
      return offsetTurning(options);
    case 'page':
      return numberTurning(options);
    default:
      throw invalidArgument(`type must be one of cursor, link, offset, page`);
  }
}

function cursorTurning<T>({ next, param = 'cursor' }: CursorPages<T>): Turning {
  return {
    options: ['next', 'param'],
    ask: (mark) => (mark === undefined ? {} : { query: { [param]: mark } }),
    next: ({ answer }) => markOf(placed(answer.body, next)),
    saysMarks: true,
  };
}

function linkTurning<T>({ next }: LinkPages<T>): Turning {
  return {
    options: ['next'],
    ask: (mark) => (mark === undefined ? {} : { url: mark }),
    next: ({ answer }) => {
      const said = next === undefined ? nextLink(answer.headers.link) : markOf(placed(answer.body, next));
      if (said === undefined) return undefined;
      return URL.canParse(said, answer.url.href) ? new URL(said, answer.url).href : said;
    },
    saysMarks: true,
  };
}

function offsetTurning<T>(options: OffsetPages<T>): Turning {
  const { param = 'offset', sizeParam = 'limit', size, total } = options;
  return {
    options: ['param', 'sizeParam', 'size', 'total'],
    ask: (mark) => ({ query: { [param]: mark ?? '0', [sizeParam]: size } }),
    next: ({ answer, count, mark = '0' }) => {
      const behind = Number(mark) + count;
      const most = total === undefined ? undefined : placed(answer.body, total);
      const isLast = count === 0 || (typeof most === 'number' && behind >= most);
      return isLast ? undefined : String(behind);
    },
    saysMarks: false,
  };
}

function numberTurning<T>(options: NumberedPages<T>): Turning {
  const { param = 'page', sizeParam = 'per_page', size, first = 1, totalPages } = options;
  return {
    options: ['param', 'sizeParam', 'size', 'first', 'totalPages'],
    ask: (mark) => ({ query: { [param]: mark ?? String(first), [sizeParam]: size } }),
    next: ({ answer, count, mark = String(first) }) => {
      const most = totalPages === undefined ? undefined : placed(answer.body, totalPages);
      const isLast = count === 0 || (typeof most === 'number' && Number(mark) - first + 1 >= most);
      return isLast ? undefined : String(Number(mark) + 1);
    },
    saysMarks: false,
  };
}

/** A list that is empty may be null, or be left out. */
function itemsOf<T>(
  { body, of, status, requestId }: PageAnswer,
  place: OfAllKinds<T>['items'],
): readonly T[] {
  const found = place === undefined ? body : placed(body, place);
  if (found === null || found === undefined) return [];
  if (Array.isArray(found)) return found as T[];
  const where = typeof place === 'string' ? `at "${place}" of its body` : 'where its items were looked for';
  throw unusable(of, status, requestId, `was answered ${status} with a page that has no list ${where}`);
}

function placed<T>(body: unknown, place: Place<T>): unknown {
  if (typeof place === 'function') return place(body);
  let found: unknown = body;
  for (const name of place.split('.')) {
    const within = Object(found) as Record<string, unknown>;
    found = Object.hasOwn(within, name) ? within[name] : undefined;
  }
  return found;
}

function markOf(said: unknown): string | undefined {
  return said === null || said === undefined || said === '' || said === false ? undefined : String(said);
}
