// Vitest's own compiler writes no metadata of types: what Nest injects is named.
import { Inject, Injectable } from '@nestjs/common';
import {
  type AggregatePublisher,
  type DomainEvent,
  IntegrationDeveloperApiService,
  IntegrationSubscriber,
} from 'nestjs-integration';

@Injectable()
export class GreetingsService {
  /** Resolves with the payload that the handler got. */
  readonly heard: Promise<unknown>;
  private hear: (payload: unknown) => void = () => {};
  private readonly people: AggregatePublisher;

  constructor(
    @Inject(IntegrationDeveloperApiService) private readonly integrationApi: IntegrationDeveloperApiService,
  ) {
    this.people = integrationApi.for('greetings', 'person');
    this.heard = new Promise((resolve) => {
      this.hear = resolve;
    });
  }

  async greet(name: string): Promise<string> {
    const published = await this.integrationApi.transaction((tx) =>
      this.people.publish('greeting.sent', name, { name }, tx),
    );
    return published.outboxEventId;
  }

  @IntegrationSubscriber('greeting.sent', { consumerName: 'greetings.listener' })
  async onGreeting(event: DomainEvent): Promise<void> {
    this.hear(event.payload);
  }
}
