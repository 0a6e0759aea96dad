import type { ChangeAuthor, ConsumerService } from '../../src/index.js';
import { until } from './until.js';

/** Pauses a consumer, and waits until its owners have heard of it. An event that is published after that stays in the log. */
export async function pauseAndWait(
  consumers: ConsumerService,
  consumerName: string,
  author?: ChangeAuthor,
): Promise<void> {
  await consumers.pause(consumerName, author);
  await until(`nobody works on ${consumerName}`, async () =>
    (await consumers.list()).every((each) => each.consumerName !== consumerName || each.owner === null),
  );
}
