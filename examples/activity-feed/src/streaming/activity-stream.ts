import type { JetStreamClient } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { OnApplicationShutdown } from '@nestjs/common';

export const STREAM = 'ACTIVITY';
export const SUBJECT = 'activity.recorded';

/** The connection to NATS, and the stream that keeps what is sent. */
export class ActivityStream implements OnApplicationShutdown {
  private constructor(
    private readonly connection: NatsConnection,
    readonly client: JetStreamClient,
  ) {}

  /** NATS is loaded here, so an application that does not use it need not install it. */
  static async at(servers: string): Promise<ActivityStream> {
    const [{ connect }, { jetstream, jetstreamManager }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    const connection = await connect({ servers, maxReconnectAttempts: -1 });
    await (await jetstreamManager(connection)).streams.add({ name: STREAM, subjects: [SUBJECT] });
    return new ActivityStream(connection, jetstream(connection));
  }

  /** By then every relay has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
  }
}
