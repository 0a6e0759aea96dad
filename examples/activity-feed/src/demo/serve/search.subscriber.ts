import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  type DomainEvent,
  DomainEventPublisher,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { type GithubPayload, kindOf } from '../../events.js';

/** Published by search: a repository can be found by what was pushed to it. */
interface RepositoryIndexed {
  fullName: string;
}

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'search.indexed': RepositoryIndexed;
  }
}

const INDEXING_MS = 4_000;

/** Makes pushes and issues searchable. It is slow, and has a bug that somebody would have to find. */
@Injectable()
export class SearchSubscriber {
  constructor(private readonly publisher: DomainEventPublisher) {}

  @IntegrationSubscriber({
    eventName: ['webhook.github.push', 'webhook.github.issues.*', 'webhook.github.security_advisory.*'],
    consumerName: 'search',
  })
  async index(event: DomainEvent<GithubPayload>, { signal }: SubscriberContext): Promise<void> {
    // The bug: an advisory is about no repository.
    const { full_name: fullName } = event.payload.repository as { full_name: string };
    if (kindOf(event) === 'push') await delay(INDEXING_MS, undefined, { signal });
    await this.publisher.publishEvent({
      eventName: 'search.indexed',
      sourceModule: 'search',
      aggregateType: event.aggregateType,
      aggregateId: event.aggregateId,
      payload: { fullName },
    });
  }
}
