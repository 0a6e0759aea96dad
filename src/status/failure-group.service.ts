import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import {
  checkChoice,
  checkNames,
  checkPosition,
  checkText,
  checkUuid,
  invalidArgument,
  pageSizeOf,
} from '../words/argument-checks.js';
import { problemOfText } from '../words/text.js';
import { errorMatcher } from './error-matcher.js';
import {
  type DeadLetterPlace,
  FAILURE_GROUP_ORDERS,
  type FailureGroupChange,
  type FailureGroupKey,
  type FailureGroupOrder,
  type FailureGroupPlace,
  type GroupedDeadLetter,
  type PageOf,
} from './failure-group.js';
import { type FailureGroup, FailureGroupStore } from './failure-group.store.js';

const LONGEST_CONSUMER_NAME = 127;
const LONGEST_FINGERPRINT = 64;
const LONGEST_NOTE = 4_000;
const LONGEST_ERROR = 1_000;
/** The place before all groups. */
const BEFORE_ALL: FailureGroupKey = { consumerName: '', fingerprint: null };

/** One request searches this many groups for an error. It does so in portions, because a read is short. */
const SEARCHED_AT_ONCE = 20_000;
const SEARCHED_PORTION = 2_000;

/** Chooses groups. A group must match every given field. */
export interface FailureGroupFilter {
  consumerName?: string | undefined;
  /**
   * A part of the error of the last dead letter. Small and capital letters are the same, and numbers, ids and
   * quoted texts may be others, as they are within a kind.
   */
  error?: string | undefined;
}

/** A page of groups. */
export interface FailureGroupPage extends PageOf<FailureGroup, FailureGroupPlace> {
  /**
   * True if there are more than 20,000 groups, and the order is another one than `name` or an error is
   * searched for. Only the first 20,000 by name were put in order, or looked at, then.
   */
  isPartial: boolean;
}

/**
 * Groups dead letters by consumer and kind of failure, so that people who look after them see kinds and not
 * single failures. Every answer takes a bounded time, however many dead letters there are.
 */
export class FailureGroupService {
  private readonly groups: FailureGroupStore;
  private readonly rows: InboxRecordStore;

  constructor(db: EngineDatabase) {
    this.groups = new FailureGroupStore(db);
    this.rows = new InboxRecordStore(db);
  }

  /**
   * Returns groups, `limit` of them (1 to 1000, default 50), in the order that is asked for. The default is
   * `name`. `after` is the `next` of the page before in the same order. A group whose size changes between
   * two pages moves in the order by size, and a group with a new dead letter in that by the latest one.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or page
   */
  async list(
    filter: FailureGroupFilter = {},
    page: {
      limit?: number | undefined;
      after?: FailureGroupPlace | undefined;
      order?: FailureGroupOrder | undefined;
    } = {},
  ): Promise<FailureGroupPage> {
    checkNames('a field of a filter', filter, ['consumerName', 'error']);
    checkNames('a field of the page', page, ['limit', 'after', 'order']);
    const { order = 'name' } = page;
    checkChoice('order', order, FAILURE_GROUP_ORDERS);
    const { consumerName, error } = filter;
    checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
    checkText('error', error, LONGEST_ERROR);
    if (error !== undefined && order !== 'name')
      throw invalidArgument('Groups that are searched for by their error come by name only', {
        field: 'order',
      });
    if (page.after !== undefined) checkPlace(page.after, order);
    if (consumerName !== undefined && (page.after?.consumerName ?? consumerName) !== consumerName)
      throw invalidArgument('The page begins behind a group of another consumer', { field: 'after' });
    const limit = pageSizeOf(page.limit);
    const first = consumerName === undefined ? BEFORE_ALL : { consumerName, fingerprint: '' };
    const onlyOf = consumerName !== undefined;
    if (error !== undefined) return this.withError(error, page.after ?? first, onlyOf, limit);
    const { items, values, isPartial } =
      order === 'name'
        ? await this.groups.list(page.after ?? first, onlyOf, limit)
        : await this.groups.listBy(order, first, page.after, onlyOf, limit);
    const last = items.length < limit ? undefined : items.at(-1);
    return { items, next: last === undefined ? null : { ...keyOf(last), value: values.at(-1) }, isPartial };
  }

  /** Looks at the last error of each group, in portions, until the page is full. */
  private async withError(
    text: string,
    first: FailureGroupKey,
    onlyOf: boolean,
    limit: number,
  ): Promise<FailureGroupPage> {
    const isMeant = errorMatcher(text);
    const found: FailureGroupKey[] = [];
    let last: FailureGroupKey | undefined = first;
    for (let looked = 0; looked < SEARCHED_AT_ONCE && last !== undefined; looked += SEARCHED_PORTION) {
      const portion = await this.groups.latestErrors(last, onlyOf, SEARCHED_PORTION);
      last = portion.length < SEARCHED_PORTION ? undefined : portion.at(-1);
      found.push(...portion.filter(({ error }) => isMeant(error)));
      if (found.length < limit) continue;
      if (found.length > limit) last = found[limit - 1];
      break;
    }
    const items = await this.groups.find(found.slice(0, limit));
    const isPartial = last !== undefined && found.length < limit;
    return { items, next: last === undefined ? null : keyOf(last), isPartial };
  }

  /**
   * Returns one group, or undefined where it has no dead letter.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid group
   */
  async of(group: FailureGroupKey): Promise<FailureGroup | undefined> {
    checkKey(group);
    return (await this.groups.find([group]))[0];
  }

  /**
   * Returns the dead letters of one group by position, the oldest first. No page loses one, also where
   * positions tie. A group that there is not has none.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid group or page
   */
  async deadLetters(
    group: FailureGroupKey,
    page: { limit?: number | undefined; after?: DeadLetterPlace | undefined } = {},
  ): Promise<PageOf<GroupedDeadLetter, DeadLetterPlace>> {
    checkKey(group);
    checkNames('a field of the page', page, ['limit', 'after']);
    checkPosition('after.position', page.after?.position);
    checkUuid('after.id', page.after?.id);
    const limit = pageSizeOf(page.limit);
    const items = await this.rows.findOfKind(group.consumerName, group.fingerprint, limit, page.after);
    const last = items.at(-1);
    return { items, next: last === undefined || items.length < limit ? null : placeOf(last) };
  }

  /**
   * Notes a text about a group, in the place of the one before. Null removes it. The text has at most 4,000
   * characters.
   *
   * @throws IntegrationError INTEGRATION_FAILURE_GROUP_UNKNOWN, or INTEGRATION_ADMIN_INVALID
   */
  async note(group: FailureGroupKey, text: string | null, author: ChangeAuthor = {}): Promise<void> {
    await this.change(group, { note: text }, author);
  }

  /**
   * Notes that somebody has seen the group. Dead letters that come behind those that are there now count as
   * new. With `acknowledged: false` it is as if nobody had seen it.
   *
   * @throws IntegrationError INTEGRATION_FAILURE_GROUP_UNKNOWN, or INTEGRATION_ADMIN_INVALID
   */
  async acknowledge(
    group: FailureGroupKey,
    options: ChangeAuthor & { acknowledged?: boolean | undefined } = {},
  ): Promise<void> {
    const { acknowledged = true, ...author } = options;
    await this.change(group, { acknowledged }, author);
  }

  /**
   * Does what `note` and `acknowledge` do, as one change with one row in the audit. What is left out stays as
   * it is.
   *
   * @throws IntegrationError INTEGRATION_FAILURE_GROUP_UNKNOWN, or INTEGRATION_ADMIN_INVALID
   */
  async change(
    group: FailureGroupKey,
    change: FailureGroupChange,
    options: ChangeAuthor = {},
  ): Promise<void> {
    checkKey(group);
    checkChange(change);
    checkNames('an option', options, AUTHOR_FIELDS);
    const author = authorOf(options);
    if (await this.groups.change(group, change, author)) return;
    const { consumerName, fingerprint } = group;
    throw new IntegrationError(
      'INTEGRATION_FAILURE_GROUP_UNKNOWN',
      `Consumer "${consumerName}" has no dead letters of the kind ${fingerprint ?? '(none)'}: FailureGroupService.list() shows the kinds there are`,
      { consumerName, fingerprint },
    );
  }
}

function checkChange(change: FailureGroupChange): void {
  checkNames('a change of a group', change, ['note', 'acknowledged']);
  const { note, acknowledged } = change;
  const problem = note === undefined || note === null ? undefined : problemOfText(note, LONGEST_NOTE);
  if (problem !== undefined) throw invalidArgument(`The note ${problem}; null removes it`, { field: 'note' });
  if (acknowledged !== undefined && typeof acknowledged !== 'boolean')
    throw invalidArgument('acknowledged must be true or false', { field: 'acknowledged' });
  if (note === undefined && acknowledged === undefined)
    throw invalidArgument('The change is empty: give note or acknowledged', { field: 'note' });
}

function checkKey(group: FailureGroupKey): void {
  checkNames('a part of a group', group, ['consumerName', 'fingerprint']);
  const { consumerName, fingerprint } = group;
  if (consumerName === undefined || fingerprint === undefined)
    throw invalidArgument('A group is named by consumerName and fingerprint, which may be null', {
      field: consumerName === undefined ? 'consumerName' : 'fingerprint',
    });
  checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
  if (fingerprint !== null) checkText('fingerprint', fingerprint, LONGEST_FINGERPRINT);
}

function checkPlace({ value, ...key }: FailureGroupPlace, order: FailureGroupOrder): void {
  checkKey(key);
  if (order === 'name' ? value === undefined : Number.isSafeInteger(value)) return;
  throw invalidArgument(`A page by ${order} begins behind the "next" of a page in that order`, {
    field: 'after',
  });
}

function keyOf({ consumerName, fingerprint }: FailureGroupKey): FailureGroupKey {
  return { consumerName, fingerprint };
}

function placeOf({ position, id }: GroupedDeadLetter): DeadLetterPlace {
  return { position, id };
}
