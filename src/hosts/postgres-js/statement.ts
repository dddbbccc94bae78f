import type { Callback, SubmittedQuery } from '../../client/types.ts'
import type { CapturedStack } from '../../core/origin/origin.ts'
import type { Query } from './driver.ts'

/** The stream of a COPY. */
interface Stream {
  readonly write?: unknown
  readonly pipe?: unknown
  readonly destroyed?: unknown
  readonly readableEnded?: unknown
}

/** The session of a statement. */
export interface Follower {
  /** The server has answered. */
  answered(statement: Statement, error: unknown): void
  isForgotten(statement: Statement): boolean
  /** Whether a callback of a cursor has closed it by what it has returned. */
  closes(returned: unknown): boolean
}

/** The stack of a tagged template, which the driver formats when it is read. */
class TemplateStack implements CapturedStack {
  readonly #query: Query

  constructor(query: Query) {
    this.#query = query
  }

  get stack(): unknown {
    return this.#query.origin
  }
}

/** A query of postgres.js in the shape of a statement that submits itself to a client of node-postgres. */
export class Statement implements SubmittedQuery {
  readonly query: Query
  /** Without the values. */
  readonly text: string
  /** The stack of a tagged template, because no stack leads to it when it is sent. */
  readonly sentFrom: CapturedStack | undefined
  callback: Callback | undefined
  /** A cursor in the shape of node-postgres. */
  readonly cursor: { state: string; read(): void } | undefined
  /** The methods of a COPY stream; only a statement with a stream may have them. */
  declare write?: unknown
  declare pipe?: unknown
  declare _result?: NonNullable<SubmittedQuery['_result']>
  /** The driver's result of writing it; undefined if it was not written. */
  sent: unknown
  error: unknown
  #stream: Stream | undefined

  constructor(query: Query, text = textOf(query)) {
    this.query = query
    this.text = text
    this.sentFrom = query.tagged ? new TemplateStack(query) : undefined
    this.cursor = typeof query.cursorFn === 'function' ? { state: 'open', read() {} } : undefined
  }

  get destroyed(): unknown {
    return this.#stream?.destroyed
  }

  get readableEnded(): unknown {
    return this.#stream?.readableEnded
  }

  submit(): void {}

  /** Fails the query with the guard's error. */
  handleError(error: unknown): void {
    this.query.reject(error)
  }

  /** Follows how the driver settles the query, from just before it is written. */
  follow(follower: Follower): void {
    const { query } = this
    this.#followCursor(follower)
    const { resolve } = query
    query.resolve = (value) => {
      if (follower.isForgotten(this)) return resolve(value)
      // A stream, or a description, comes before the server is ready, and a second answer when it is.
      if (this.#isEarly(value)) return resolve(value)
      this._result = resultOf(value)
      follower.answered(this, undefined)
      if (this.callback !== undefined) this.callback(undefined, value)
      return resolve(value)
    }
    this.#followFailures(follower)
  }

  #followFailures(follower: Follower): void {
    const { query } = this
    let reject = query.reject
    // Replaced by what the guard has put in its place, if it had to.
    this.handleError = (error) => {
      reject(error)
    }
    const failed = (error: unknown) => {
      if (follower.isForgotten(this)) return reject(error)
      this.error = error
      // A cursor may fail on this side; the server is ready after that.
      if (this.cursor === undefined) follower.answered(this, error)
      if (this.callback !== undefined) this.callback(error)
      return this.handleError(error)
    }
    if (this.cursor === undefined) {
      query.reject = failed
      return
    }
    // Each turn of a loop over a cursor brings a new `reject`.
    Object.defineProperty(query, 'reject', {
      get: () => failed,
      set(next: Query['reject']) {
        reject = next
      },
      configurable: true,
      enumerable: true,
    })
  }

  /** A loop that is left, or a callback, has the cursor closed: its owner has done what it can. */
  #followCursor(follower: Follower): void {
    const { query, cursor } = this
    let read = query.cursorFn as (rows: unknown) => unknown
    if (cursor === undefined) return
    const followed = (rows: unknown) => {
      const returned = read(rows)
      const note = (result: unknown) => {
        if (follower.closes(result)) cursor.state = 'done'
      }
      // The driver awaits it, too, and is told of a failure.
      void Promise.resolve(returned).then(note, () => {})
      return returned
    }
    // Each turn of a loop brings a new one.
    Object.defineProperty(query, 'cursorFn', {
      get: () => followed,
      set(next: typeof read) {
        read = next
      },
      configurable: true,
      enumerable: true,
    })
  }

  #isEarly(value: unknown): boolean {
    // A cursor that is closed is answered twice, and its loop replaces `resolve`: the connection says when it is over.
    if (this.cursor !== undefined) return true
    if (isStream(value)) {
      this.#stream = value
      if ('write' in value) this.write = value.write
      if ('pipe' in value) this.pipe = value.pipe
      return true
    }
    return this.query.onlyDescribe === true && value === Reflect.get(this.query, 'statement')
  }
}

/** The text as far as it is known before the driver puts its parts together. */
function textOf({ strings, string }: Query): string {
  if (string !== undefined) return string
  const [only] = strings
  if (strings.length === 1 && only !== undefined) return only
  return strings.reduce((text, part, index) => `${text}$${index}${part}`)
}

function isStream(value: unknown): value is Stream {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    ('pipe' in value || 'write' in value)
  )
}

function resultOf(value: unknown): NonNullable<SubmittedQuery['_result']> {
  // Several statements in one text: the last one's command is the one that counts.
  const isList = Array.isArray(value) && !('command' in value)
  const result: unknown = isList ? value.at(-1) : value
  if (typeof result !== 'object' || result === null) return {}
  const { command, count } = result as { command?: unknown; count?: unknown }
  return { command, rows: isList ? undefined : result, rowCount: count }
}
