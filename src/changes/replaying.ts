import { AUTHOR_FIELDS, type Author, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { checkNames } from '../words/argument-checks.js';
import { checkReplay, isWholeRange } from './admin-checks.js';
import type { ReplayFilter, ReplayRange, ReplayRequest, ReplayResult } from './replay.js';
import { ReplayStore } from './replay.store.js';
import { ReplayRequestStore } from './replay-request.store.js';

const LISTED_REQUESTS = 100;

/** Delivers events to a consumer again. */
export class Replaying {
  constructor(
    private readonly replayed: ReplayStore,
    private readonly requests: ReplayRequestStore,
  ) {}

  /** See `ConsumerService.replay`. */
  async replay(
    consumerName: string,
    what: ReplayRange | ReplayFilter,
    options: ChangeAuthor,
  ): Promise<ReplayResult> {
    checkReplay(what);
    checkNames('an option of replay', options, AUTHOR_FIELDS);
    const author = authorOf(options);
    if (isWholeRange(what)) {
      return { kind: 'range', ...(await this.putBack(consumerName, what, author)) };
    }
    const request = await this.requests.request(consumerName, what, author);
    if (request === undefined) throw unknownConsumer(consumerName, this.requests.target);
    return { kind: 'request', request };
  }

  /** Returns the filtered replays of one consumer, or of all, the newest first. */
  replays(consumerName?: string): Promise<ReplayRequest[]> {
    return this.requests.listRequests(consumerName, LISTED_REQUESTS);
  }

  private async putBack(consumerName: string, range: ReplayRange, author: Author) {
    const bounds = await this.replayed.boundsOf(consumerName, range.from, range.to);
    if (bounds === undefined) throw unknownConsumer(consumerName, this.requests.target);
    const { from, to } = bounds;
    let positions = 0;
    for (let next = from; next <= to; ) {
      const put = await this.replayed.putBack(consumerName, from, next, to, author);
      positions += put.positions;
      next = put.to + 1;
    }
    return { from, to, positions };
  }
}
