import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { endAll } from '../../proof/harness/at-exit.js';
import { until } from '../support/until.js';
import { type Broker, describeWithBroker, startKafka, startNats, startRabbit } from './support/brokers.js';

async function isThere({ address }: Broker): Promise<boolean> {
  const [host = '', port = ''] = address.split('@').at(-1)?.split(':') ?? [];
  const socket = connect(Number(port), host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describeWithBroker(['nats', 'rabbitmq', 'kafka'], 'the brokers of the proof kit', () => {
  let broker: Broker;
  afterEach(() => broker.stop());

  it.each([
    ['NATS', startNats],
    ['RabbitMQ', startRabbit],
    ['Kafka', startKafka],
  ])('%s ends when the kit does, although nobody has stopped it', async (_name, start) => {
    broker = await start();
    expect(await isThere(broker)).toBe(true);
    endAll();
    await until('it has ended', async () => !(await isThere(broker)));
  });

  it('ends also where it had been stopped by SIGSTOP', async () => {
    broker = await startNats();
    broker.freeze();
    endAll();
    await until('it has ended', async () => !(await isThere(broker)));
  });
});
