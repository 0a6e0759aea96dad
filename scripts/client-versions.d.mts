export declare const TRIED_VERSIONS: readonly {
  readonly library: string;
  readonly packages: Readonly<Record<string, string>>;
}[];
