import { Body, Controller, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { DeliveriesService, type DeliveryReceipt } from './deliveries.service.js';
import { GithubHeaders, GithubHeadersDto } from './github-headers.js';
import { GithubPayloadDto } from './github-payload.dto.js';

@Controller('webhooks')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  /** Answers as soon as delivery and event are committed; what follows from the event happens later. */
  @Post('github')
  @HttpCode(HttpStatus.ACCEPTED)
  receive(
    @GithubHeaders() headers: GithubHeadersDto,
    @Body() payload: GithubPayloadDto,
  ): Promise<DeliveryReceipt> {
    return this.deliveries.receive(headers.delivery, headers.event, payload);
  }
}
