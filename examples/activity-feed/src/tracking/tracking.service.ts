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
        'github.push',
        'github.status',
        'github.pull_request*',
        'github.issue*',
        'github.commit_comment.*',
        'github.check_run.*',
        'github.check_suite.*',
        'github.workflow_run.*',
      ],
      // Not transactional, and need not be: handled twice, an event leaves the same links.
      handler: async (event, { linkService }) => {
        for (const link of relationsIn(event.payload.body)) await linkService.createLink(link);
      },
    });
  }
}
