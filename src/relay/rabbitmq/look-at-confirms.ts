import { randomUUID } from 'node:crypto';
import type { RelayBoot } from '../relays/relay-definition.js';
import { lookAtBoot } from '../sources/look-at-boot.js';
import type { RabbitEnvelope } from './amqp-clients.js';
import { type AmqpSender, ReturnedMessage } from './amqp-sender.js';

/**
 * RabbitMQ returns a message that no queue takes before it confirms it. So a publisher with confirms has
 * heard of the return when the message counts as sent, and a publisher without confirms has not.
 */
export async function lookAtConfirms(boot: RelayBoot, sender: AmqpSender): Promise<void> {
  await lookAtBoot(boot, 'publisher', async () => {
    try {
      await sender.send(toNoQueue(), Buffer.alloc(0));
    } catch (error) {
      if (error instanceof ReturnedMessage) return;
      throw error;
    }
    boot.problem(
      'publisher does not wait for what RabbitMQ has accepted, so messages could be lost. Make it with createPublisher({ confirm: true })',
    );
  });
}

function toNoQueue(): RabbitEnvelope {
  const messageId = randomUUID();
  return {
    // The default exchange has no bindings but the names of queues.
    exchange: '',
    routingKey: `nestjs-integration.no-queue.${messageId}`,
    mandatory: true,
    durable: false,
    messageId,
    contentType: 'application/octet-stream',
    type: '',
    headers: {},
  };
}
