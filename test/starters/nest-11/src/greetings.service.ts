import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventSubscriberRegistry, IntegrationDeveloperApiService } from 'nestjs-integration';

/** Publishes a greeting and hears of it, as two modules of an application would. */
@Injectable()
export class GreetingsService implements OnModuleInit {
  /** Resolves with the payload that the handler got. */
  readonly heard: Promise<unknown>;
  private hear: (payload: unknown) => void = () => {};

  constructor(
    private readonly integrationApi: IntegrationDeveloperApiService,
    private readonly registry: EventSubscriberRegistry,
  ) {
    this.heard = new Promise((resolve) => {
      this.hear = resolve;
    });
  }

  onModuleInit(): void {
    this.registry.registerHandler({
      eventName: 'greeting.sent',
      consumerName: 'greetings.listener',
      handler: async (event) => this.hear(event.payload),
    });
  }

  async greet(name: string): Promise<string> {
    const published = await this.integrationApi.transaction((tx) =>
      this.integrationApi.publishEvent(
        {
          eventName: 'greeting.sent',
          sourceModule: 'greetings',
          aggregateType: 'person',
          aggregateId: name,
          payload: { name },
        },
        { persistenceClient: tx },
      ),
    );
    return published.outboxEventId;
  }
}
