import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { ServerRequest } from '../../http/server-request.js';
import { AdminCalls } from './admin-calls.js';

/**
 * Turns what guards and interceptors of the application throw into problems. It stands on the controllers,
 * so Nest asks it before the filters of the application.
 */
@Catch()
export class AdminProblemFilter implements ExceptionFilter {
  constructor(private readonly calls: AdminCalls) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.calls.refuse(error, http.getRequest<ServerRequest>(), http.getResponse());
  }
}
