/**
 * A type of parameters of decorated methods is exported as a value too: `export const SubscriberContext:
 * unknown = DECORATED_TYPE`. Under `isolatedModules` and `emitDecoratorMetadata`, TypeScript refuses `import {
 * SubscriberContext }` of a mere type in a decorated signature (TS1272), and this is how editors write the
 * import. As metadata it is what a mere type would be: `Object`.
 */
export const DECORATED_TYPE: unknown = Object;
