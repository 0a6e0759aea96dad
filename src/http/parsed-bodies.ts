import type { MountedRoutes } from './mounted-routes.js';
import { BodyTooLarge, lengthSaidOf } from './read-bytes.js';
import type { ServerRequest } from './server-request.js';

export interface ParsedBodyRules {
  /** The most bytes that a body may have. */
  readonly limit: number;
  /** Answers a request whose body is refused: with `BodyTooLarge`, or with what the parser threw. */
  refuse(error: unknown, request: ServerRequest, response: unknown): void;
}

/**
 * Lets the application's own parsers read the bodies of mounted routes, but answers itself where one of
 * them refuses a body. Otherwise the filters of the application would answer, in their own form.
 */
export class ParsedBodies {
  constructor(
    private readonly routes: MountedRoutes,
    private readonly rules: ParsedBodyRules,
  ) {
    this.refuseEarly();
    this.changeRoutesOfFastify();
  }

  /** Called when the application's body parsers are there, and its routes are not. */
  install(): void {
    this.routes.onParserError((error, request, response) => this.rules.refuse(error, request, response));
  }

  /**
   * Refuses a body that says itself that it is too large before the parsers of Express, which may take more
   * and read it to its end. In Fastify the limit of the route does it. Node throws the body away as it
   * comes, so the sender reads the answer at once and keeps its connection.
   */
  private refuseEarly(): void {
    const { limit } = this.rules;
    this.routes.beforeParsers((request, response, next) => {
      if (lengthSaidOf(request) > limit && this.routes.parametersOf(request) !== undefined)
        this.rules.refuse(new BodyTooLarge(limit), request, response);
      else next();
    });
  }

  private changeRoutesOfFastify(): void {
    this.routes.whenAdded((route) => {
      route.bodyLimit = this.rules.limit;
      route.errorHandler = (error, request, reply) => {
        // Fastify would end the connection, and a sender that still writes might not read the answer.
        reply.removeHeader('connection');
        this.rules.refuse(error, request, reply);
      };
    });
  }
}
