import type { ConsumerView } from '../changes/consumer.service.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import type { CommandContext } from './command.js';
import type { CommandServices } from './services.js';

/** The partitions of a consumer. Fails as the services do if there is none of this name. */
export async function registeredConsumer(
  context: CommandContext,
  { consumers }: CommandServices,
  name: string,
): Promise<[ConsumerView, ...ConsumerView[]]> {
  const [first, ...others] = await consumers.list({ consumerName: name });
  if (first === undefined) throw unknownConsumer(name, context);
  return [first, ...others];
}
