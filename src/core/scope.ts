/** The value of an attribute in reports. */
export type AttributeValue = string | number | boolean

/** The description of a unit of work. */
export interface ScopeOptions {
  /** The sort of work, in one word: `request`, `job`, `test`. */
  readonly kind: string
  /** A readable name: `GET /datasets/:id`, `nightly`. A function is called when a report needs the name. */
  readonly name: string | (() => string)
  /** Distinguishes scopes of one name, such as a request id. A function is called when a report needs the id. */
  readonly id?: string | (() => string | undefined) | undefined
  /** More for reports, such as a tenant's id. */
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
  /** The way it ended: "answered", "the client aborted". Absent while it is open. */
  readonly ending?: string
  readonly traceId?: string
  readonly spanId?: string
}

/** A unit of work that should release every client it acquires. */
export class Scope {
  readonly parent: Scope | undefined
  readonly #options: ScopeOptions
  /** In active time. Work that continues after the end still belongs to the scope. */
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

/** A string, or the result of a function of the application, whose errors must not make a report fail. */
function textOf(text: string | (() => string | undefined) | undefined): string | undefined {
  if (typeof text !== 'function') return text
  try {
    const found: unknown = text()
    return typeof found === 'string' && found !== '' ? found : undefined
  } catch {
    return undefined
  }
}

/** Empty if the header is malformed: it comes from outside. */
function traceOf(traceparent: string | undefined): { traceId?: string; spanId?: string } {
  const match = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}/.exec(
    traceparent ?? '',
  )
  const [, traceId, spanId] = match ?? []
  return traceId === undefined || spanId === undefined ? {} : { traceId, spanId }
}

/** Carries the current scope along a flow of asynchronous calls. */
export interface ScopeContext {
  /** The value of the innermost `run`. */
  current(): unknown
  /** Calls `work`, with `value` as the current one during it and in all that it starts. */
  run<Result>(value: unknown, work: () => Result): Result
}
