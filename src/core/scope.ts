/** A value that reports can show. */
export type AttributeValue = string | number | boolean

/** Describes a unit of work. */
export interface ScopeOptions {
  /** The sort of work, in one word: `request`, `job`, `test`. */
  readonly kind: string
  /** A name that people use: `GET /datasets/:id`, `nightly`. A function is called when a report needs the name. */
  readonly name: string | (() => string)
  /** Distinguishes scopes of one name: a request id. A function is called as that of `name` is. */
  readonly id?: string | (() => string | undefined) | undefined
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined
  /** A W3C `traceparent`, as tracing clients send it. */
  readonly traceparent?: string | undefined
}

/** A scope as plain data. */
export interface ScopeData {
  readonly kind: string
  readonly name: string
  readonly id?: string
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  /** How it ended; absent while it goes on. */
  readonly ending?: string
  readonly traceId?: string
  readonly spanId?: string
}

/** The unit of work that ought to release what it acquired. */
export class Scope {
  readonly parent: Scope | undefined
  readonly #options: ScopeOptions
  /** In active time. A scope that has ended stays the scope of what it has left running. */
  endedAt: number | undefined = undefined
  ending: string | undefined = undefined

  constructor(options: ScopeOptions, parent: Scope | undefined) {
    this.#options = options
    this.parent = parent
  }

  get kind(): string {
    return this.#options.kind
  }

  end(now: number, ending: string): void {
    if (this.endedAt !== undefined) return
    this.endedAt = now
    this.ending = ending
  }

  /** Whether `other` is this scope or one inside it. */
  encloses(other: Scope | undefined): boolean {
    for (let scope = other; scope !== undefined; scope = scope.parent) if (scope === this) return true
    return false
  }

  data(): ScopeData {
    const { kind, attributes, traceparent } = this.#options
    const id = textOf(this.#options.id)
    return {
      kind,
      name: textOf(this.#options.name) ?? kind,
      ...(id === undefined ? {} : { id }),
      ...(attributes === undefined ? {} : { attributes: { ...attributes } }),
      ...(this.ending === undefined ? {} : { ending: this.ending }),
      ...traceOf(traceparent),
    }
  }
}

/** A string, or the result of a function of the application: foreign code that must not make a report fail. */
function textOf(text: string | (() => string | undefined) | undefined): string | undefined {
  if (typeof text !== 'function') return text
  try {
    const found: unknown = text()
    return typeof found === 'string' && found !== '' ? found : undefined
  } catch {
    return undefined
  }
}

/** Nothing if it is malformed: it comes from outside. */
function traceOf(traceparent: string | undefined): { traceId?: string; spanId?: string } {
  const match = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}/.exec(
    traceparent ?? '',
  )
  const [, traceId, spanId] = match ?? []
  return traceId === undefined || spanId === undefined ? {} : { traceId, spanId }
}

/** Carries the current scope along a flow of asynchronous calls. */
export interface ScopeContext {
  /** The value that `run` was given by the nearest caller. */
  current(): unknown
  /** Calls `work` and makes `value` the current one for all that it starts. */
  run<Result>(value: unknown, work: () => Result): Result
}
