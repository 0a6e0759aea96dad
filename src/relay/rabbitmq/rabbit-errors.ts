import { messageOf } from '../../errors.js';
import type { RelayOutcome } from '../relays/relay-message.js';
import { ReturnedMessage } from './amqp-sender.js';

/** The server closed the channel because of what was sent, by name (rabbitmq-client) and number (amqplib). */
const BECAUSE_OF_MESSAGE: ReadonlySet<unknown> = new Set([
  'ACCESS_REFUSED',
  'NOT_FOUND',
  'PRECONDITION_FAILED',
  403,
  404,
  406,
]);
const NACK: ReadonlySet<unknown> = new Set(['NACK', 'message nacked']);
const TOO_LARGE = /message size \d+ .*larger than/i;

/** What an error of a client of RabbitMQ means. */
export function outcomeOfRabbit(error: unknown): RelayOutcome {
  if (error instanceof ReturnedMessage) return { is: 'refused', error, isFinal: true };
  const { code } = Object(error) as { code?: unknown };
  const words = messageOf(error);
  if (TOO_LARGE.test(words)) return { is: 'refused', error, isFinal: true };
  if (NACK.has(code) || NACK.has(words))
    return {
      is: 'refused',
      error: new Error('RabbitMQ refused the message (nack): a queue may be full', { cause: error }),
    };
  if (BECAUSE_OF_MESSAGE.has(code)) return { is: 'refused', error };
  // A bug in the application or here, which waiting does not mend.
  if (error instanceof TypeError || error instanceof RangeError) return { is: 'refused', error };
  return { is: 'unavailable', error };
}

/** Whether the channel is gone: the connection ended, or the server closed it because of a message. */
export function endsChannel(outcome: RelayOutcome): boolean {
  if (outcome.is === 'unavailable') return true;
  if (outcome.is === 'accepted') return false;
  return BECAUSE_OF_MESSAGE.has((Object(outcome.error) as { code?: unknown }).code);
}
