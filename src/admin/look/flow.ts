import { Injectable } from '@nestjs/common';
import type { FlowMap, FlowRequest } from '../../status/flow.js';
import { FlowService } from '../../status/flow.service.js';
import { SharedLooks } from './shared-looks.js';

/** Looks at the way of events. */
@Injectable()
export class FlowLook {
  private readonly looks = new SharedLooks<FlowMap>();

  constructor(private readonly flow: FlowService) {}

  latest(request: FlowRequest): Promise<FlowMap> {
    return this.looks.latest(JSON.stringify(request), () => this.flow.map(request));
  }
}
