/**
 * A type of parameters of decorated methods is exported as a value too, as `export const SubscriberContext:
 * unknown = DECORATED_TYPE`. Under `isolatedModules` and `emitDecoratorMetadata`, TypeScript refuses to
 * import a mere type by `import { SubscriberContext }` for a decorated signature (TS1272), and this is how
 * editors write the import. As metadata it is what a mere type would be: `Object`.
 */
export const DECORATED_TYPE: unknown = Object;
