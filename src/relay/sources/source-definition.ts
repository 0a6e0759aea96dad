/** A source, which receives messages and stores them as events. Sources come with a later version. */
export interface SourceDefinition {
  readonly name: string;
}
