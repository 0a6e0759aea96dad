/** What a handler returns if its answer is more than a value with status 200. */
export class Answer {
  private constructor(
    /** JSON text. Undefined for an answer without a body. */
    readonly body: string | undefined,
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  static of(
    value: unknown,
    given: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ): Answer {
    return new Answer(JSON.stringify(value), given.status ?? 200, given.headers ?? {});
  }

  /** An answer whose JSON text is already there. */
  static ofText(json: string): Answer {
    return new Answer(json, 200, {});
  }
}
