import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventSubscriberRegistry } from 'nestjs-integration';
import { relationsIn } from './relations.js';

/** Follows how pull requests, issues, commits and repositories hang together. */
@Injectable()
export class TrackingService implements OnModuleInit {
  constructor(private readonly registry: EventSubscriberRegistry) {}

  onModuleInit(): void {
    // The same as the decorator, by hand: for names that are computed, or handlers that are no methods.
    this.registry.registerHandler({
      consumerName: 'tracking',
      eventName: [
        'webhook.github.push',
        'webhook.github.status',
        'webhook.github.pull_request*',
        'webhook.github.issue*',
        'webhook.github.commit_comment.*',
        'webhook.github.check_run.*',
        'webhook.github.check_suite.*',
        'webhook.github.workflow_run.*',
      ],
      // Not transactional, and need not be: handled twice, an event leaves the same links.
      handler: async (event, { linkService }) => {
        for (const link of relationsIn(event.payload)) await linkService.createLink(link);
      },
    });
  }
}
