import { Injectable } from '@nestjs/common';
import { IntegrationSubscriber } from 'nestjs-integration';

export const ARCHIVE = 'archive';

/** Keeps what happened. The demo pauses it when it starts, so that its backlog grows. */
@Injectable()
export class ArchiveSubscriber {
  @IntegrationSubscriber({ eventName: 'webhook.github.*', consumerName: ARCHIVE })
  async keep(): Promise<void> {
    // What is kept does not matter here.
  }
}
