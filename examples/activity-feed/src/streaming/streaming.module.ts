import { type DynamicModule, Module } from '@nestjs/common';
import { RelaysModule } from 'nestjs-integration/relay';
import { natsRelay } from 'nestjs-integration/relay/nats';
import { validateEnvironment } from '../config/environment.js';
import { ActivityStream, SUBJECT } from './activity-stream.js';

const JETSTREAM = Symbol('JetStreamClient');

/** Sends what happened to NATS JetStream, if NATS_URL names a server. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class StreamingModule {
  static forRoot(): DynamicModule {
    const { NATS_URL: url } = validateEnvironment(process.env);
    if (url === undefined) return { module: StreamingModule };
    const relay = natsRelay({
      name: 'activity',
      eventName: 'activity.recorded',
      jetstream: JETSTREAM,
      subject: SUBJECT,
    });
    return {
      module: StreamingModule,
      imports: [RelaysModule.forRoot({ application: 'activity-feed', relays: [relay] })],
      providers: [
        { provide: ActivityStream, useFactory: () => ActivityStream.at(url) },
        { provide: JETSTREAM, inject: [ActivityStream], useFactory: ({ client }: ActivityStream) => client },
      ],
    };
  }
}
