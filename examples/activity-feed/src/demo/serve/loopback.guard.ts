import { type CanActivate, type ExecutionContext, ForbiddenException } from '@nestjs/common';

const LOOPBACK = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/;

/**
 * Lets in who calls this machine by its own name. The demo listens on loopback only; the name of the host
 * keeps out the page of somebody else whose name was made to lead here.
 */
export class LoopbackGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: { host?: string } }>();
    if (LOOPBACK.test(headers.host ?? '')) return true;
    throw new ForbiddenException('Call the demo by 127.0.0.1 or localhost');
  }
}
