import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { IsUUID, Matches } from 'class-validator';

/** What GitHub says about a delivery in its headers. */
export class GithubHeadersDto {
  /** `x-github-event`: becomes part of the event's name. */
  @Matches(/^[a-z0-9_]{1,64}$/)
  event!: string;

  /** `x-github-delivery`: the same again when GitHub redelivers. */
  @IsUUID()
  delivery!: string;
}

/** The headers of a delivery as an object that pipes can validate; Nest's own `@Headers()` passes them by. */
export const GithubHeaders = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
  return plainToInstance(GithubHeadersDto, {
    event: headers['x-github-event'],
    delivery: headers['x-github-delivery'],
  });
});
