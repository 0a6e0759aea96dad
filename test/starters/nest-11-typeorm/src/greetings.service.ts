import { Injectable } from '@nestjs/common';
import {
  type AggregatePublisher,
  DomainEventPublisher,
  type EventOf,
  IntegrationSubscriber,
} from 'nestjs-integration';
import { DataSource } from 'typeorm';
import { Greeting } from './greeting.entity';
import { clientOfManager } from './typeorm-client';

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'greeting.sent': { name: string };
  }
}

@Injectable()
export class GreetingsService {
  /** Resolves with the payload that the handler got. */
  readonly heard: Promise<unknown>;
  private hear: (payload: unknown) => void = () => {};
  private readonly people: AggregatePublisher;

  constructor(
    private readonly source: DataSource,
    publisher: DomainEventPublisher,
  ) {
    this.people = publisher.for('greetings', 'person');
    this.heard = new Promise((resolve) => {
      this.hear = resolve;
    });
  }

  /** A transaction of TypeORM's own: the row and its event are committed together, or neither is. */
  async greet(name: string, fail = false): Promise<string> {
    return this.source.transaction(async (manager) => {
      await manager.save(Greeting, { name });
      const published = await this.people.publish('greeting.sent', name, { name }, clientOfManager(manager));
      if (fail) throw new Error('changed my mind');
      return published.outboxEventId;
    });
  }

  @IntegrationSubscriber('greeting.sent', { consumerName: 'greetings.listener' })
  async onGreeting({ payload }: EventOf<'greeting.sent'>): Promise<void> {
    this.hear(payload);
  }
}
