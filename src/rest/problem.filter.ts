import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, type Type } from '@nestjs/common';
import type { ServerRequest } from '../http/server-request.js';

/** Answers a request with the problem that an error is. */
interface Refusing {
  refuse(error: unknown, request: ServerRequest, response: unknown): void;
}

/**
 * Makes a filter that turns what guards and interceptors of the application throw into problems. It stands on
 * the controllers, so Nest asks it before the filters of the application.
 */
export function problemFilter(by: Type<Refusing>): Type<ExceptionFilter> {
  @Catch()
  class ProblemFilter implements ExceptionFilter {
    constructor(@Inject(by) private readonly calls: Refusing) {}

    catch(error: unknown, host: ArgumentsHost): void {
      const http = host.switchToHttp();
      this.calls.refuse(error, http.getRequest<ServerRequest>(), http.getResponse());
    }
  }
  return ProblemFilter;
}
