import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { IntegrationError } from '../errors.js';

export function unknownConsumer(consumerName: string, target: CommandTarget): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONSUMER_UNKNOWN',
    `There is no consumer "${consumerName}": ConsumerService.list() and "${commandLine(target, 'consumers list')}" show those there are`,
    { consumerName },
  );
}
