import { ConsumerService, InboxService, type OutboxEvent, OutboxService } from 'nestjs-integration';
import { done, duration, failed, heading, line, style } from './screen.js';
import type { Stage } from './stage.js';
import { waitUntil } from './waiting.js';

const CONSUMER = 'notifications';
const PROCESSED_WITHIN_MS = 15_000;

/** The event that was sent again. */
export interface Redriven {
  eventId: string;
  /** GitHub's id of it. */
  deliveryId: string;
  processed: boolean;
}

/** Shows a dead letter, heals the receiver and sends the event again, as an admin would. Undefined if there is none. */
export async function redriveOne({ app, plan, receiver, signal }: Stage): Promise<Redriven | undefined> {
  const inbox = app.get(InboxService, { strict: false });
  const letters = await inbox.findDeadLetters({ consumerName: CONSUMER }, { limit: 1000 });
  const outbox = app.get(OutboxService, { strict: false });
  const dead = await Promise.all(
    letters.map(async (letter) => ({ letter, event: await outbox.findById(letter.outboxEventId) })),
  );
  const deliveryOf = (event: OutboxEvent | undefined) => event?.metadata.webhook?.deliveryId ?? '';
  const found = dead.find(({ event }) => plan.get(deliveryOf(event))?.status === 422);
  if (found === undefined) return undefined;
  const { letter, event } = found;
  const { outboxEventId: eventId, attemptCount, lastError } = letter;

  heading('A dead letter');
  line(`${event?.eventName} of ${event?.aggregateType} ${event?.aggregateId}`);
  line(`"${CONSUMER}" gave up after attempt ${attemptCount}: ${style('red', lastError ?? '')}`);

  receiver.heal();
  const begin = performance.now();
  await app
    .get(ConsumerService, { strict: false })
    .redriveOne({ consumerName: CONSUMER, outboxEventId: eventId });
  const processed = await waitUntil(() => inbox.isProcessed(eventId, CONSUMER), {
    everyMs: 10,
    withinMs: PROCESSED_WITHIN_MS,
    signal,
  });
  if (processed) {
    done(
      `The receiver is healed, the event redriven: processed ${duration(performance.now() - begin)} later`,
    );
  } else failed(`Redriven, and not processed after ${PROCESSED_WITHIN_MS / 1000} s`);
  return { eventId, deliveryId: deliveryOf(event), processed };
}
