import 'reflect-metadata';

/** What Nest's decorators write (`@nestjs/common/constants`), with the word for it. */
const ENHANCERS: Readonly<Record<string, string>> = {
  __guards__: 'guards',
  __interceptors__: 'interceptors',
  __pipes__: 'pipes',
  __exceptionFilters__: 'exception filters',
};
/** A class or method of requests, of messages, of sockets or of GraphQL: Nest calls what stands on it. */
const CALLED_BY_NEST = [
  '__controller__',
  'path',
  'microservices:pattern',
  'websockets:is_gateway',
  'websockets:message_mapping',
  'graphql:resolver_type',
];

/**
 * The kinds of enhancers (`@UseGuards`, `@UseInterceptors`, `@UsePipes`, `@UseFilters`) that stand on a
 * method or its class, and that Nest does not call, because it calls neither the method nor the class.
 */
export function enhancersOf(holder: object, name: string | symbol): string[] {
  const method: unknown = (holder as Record<string | symbol, unknown>)[name];
  const places = [method, holder.constructor].filter(
    (place): place is object => typeof place === 'function' && !isCalledByNest(place),
  );
  return Object.entries(ENHANCERS)
    .filter(([key]) => places.some((place) => (Reflect.getMetadata(key, place)?.length ?? 0) > 0))
    .map(([, word]) => word);
}

const isCalledByNest = (place: object): boolean =>
  CALLED_BY_NEST.some((key) => Reflect.hasMetadata(key, place));
