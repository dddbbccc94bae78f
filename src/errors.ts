/** The same for every copy of the package. */
const brand = Symbol.for('pg-lifeguard.error')

/**
 * The base class of all errors of this library, with a stable `code`, which is a static property of each class as well.
 * `instanceof` recognises the errors of every copy of the package, ES module or CommonJS.
 */
export class LifeguardError extends Error {
  // Bundlers rename classes.
  static override readonly name: string = 'LifeguardError'

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: each subclass inherits it.
    return Function.prototype[Symbol.hasInstance].call(this, value) || isOfOtherCopy(value, this)
  }

  /** The page about errors of this class, from the root of the package and of its repository. */
  static readonly docs: string = 'docs/reference.md#errors'

  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get [brand](): true {
    return true
  }

  /** The page about it, from the root of the package and of its repository: that of its finding, or that of its class. */
  get docs(): string {
    const { kind } = (this as { readonly finding?: Partial<FindingReference> }).finding ?? {}
    return kind === undefined ? (this.constructor as typeof LifeguardError).docs : `docs/findings.md#${kind}`
  }

  // A getter on the prototype: `name` must not become an own, enumerable property of each error.
  override get name(): string {
    return this.constructor.name
  }
}

function isOfOtherCopy(value: unknown, type: typeof LifeguardError): boolean {
  if (!(value instanceof Error) || !(brand in value) || !Object.hasOwn(value, 'code')) return false
  if (type === LifeguardError) return true
  return Object.hasOwn(type, 'code') && Reflect.get(type, 'code') === Reflect.get(value, 'code')
}

/** An option is unknown or has a value that cannot work. The message names the option and the value. */
export class OptionError extends LifeguardError {
  static override readonly name = 'OptionError'
  static readonly code = 'LIFEGUARD_OPTION'
  static override readonly docs = 'docs/reference.md#options'

  readonly option: string

  constructor(
    option: string,
    expected: string,
    received: unknown,
    message = `${option} ${expected}, got ${describeValue(received)}`,
  ) {
    super(OptionError.code, message)
    this.option = option
  }

  /** The error for an unknown option; `help` is advice such as "did you mean mode?". */
  static unknown(option: string, help: string, received: unknown): OptionError {
    const message = `unknown option ${option}; ${help} (got ${describeValue(received)})`
    return new OptionError(option, help, received, message)
  }
}

/** The argument of `watch` is not a pool or a known library, or another lifeguard watches it already. */
export class WatchError extends LifeguardError {
  static override readonly name = 'WatchError'
  static readonly code = 'LIFEGUARD_WATCH'
  static override readonly docs = 'docs/libraries.md'

  constructor(message: string) {
    super(WatchError.code, message)
  }
}

/** The lifeguard was closed and cannot be used again. */
export class ClosedError extends LifeguardError {
  static override readonly name = 'ClosedError'
  static readonly code = 'LIFEGUARD_CLOSED'

  constructor(action: string) {
    super(ClosedError.code, `${action} was called after lifeguard.close()`)
  }
}

/** The finding behind an error, and the line of its checkout. */
export interface FindingReference {
  readonly id: string
  readonly kind: string
  /** `file:line:column` of the checkout; absent if no line of the user's code is known. */
  readonly origin?: string
}

/** A client was used after its release. The statement was not sent, because the client may have another owner by now. */
export class SessionReleasedError extends LifeguardError {
  static override readonly name = 'SessionReleasedError'
  static readonly code = 'LIFEGUARD_SESSION_RELEASED'

  /** Absent for a session of `lifeguard.session`, for which there is no finding. */
  readonly finding: FindingReference | undefined

  constructor(finding?: FindingReference) {
    super(
      SessionReleasedError.code,
      finding === undefined
        ? 'session.query was called after the session was released'
        : `A query after release was refused by pg-lifeguard (${finding.kind}${at(finding)})`,
    )
    this.finding = finding
  }
}

/**
 * The lifeguard rolled the transaction back because it was left open. Every statement of its owner gets this error
 * until the owner sends `ROLLBACK` or releases the client, as in a transaction that PostgreSQL itself has failed.
 */
export class TransactionRolledBackError extends LifeguardError {
  static override readonly name = 'TransactionRolledBackError'
  static readonly code = 'LIFEGUARD_TRANSACTION_ROLLED_BACK'

  readonly finding: FindingReference

  constructor(finding: FindingReference, options?: ErrorOptions) {
    super(
      TransactionRolledBackError.code,
      `The transaction was rolled back by pg-lifeguard (${finding.kind}${at(finding)}): statements are refused until ROLLBACK or release`,
      options,
    )
    this.finding = finding
  }
}

/** The lifeguard closed the session. Every further statement of its owner fails with this error. */
export class SessionDestroyedError extends LifeguardError {
  static override readonly name = 'SessionDestroyedError'
  static readonly code = 'LIFEGUARD_SESSION_DESTROYED'

  readonly finding: FindingReference

  constructor(finding: FindingReference, options?: ErrorOptions) {
    super(
      SessionDestroyedError.code,
      `The session was destroyed by pg-lifeguard (${finding.kind}${at(finding)}): its client can no longer be used`,
      options,
    )
    this.finding = finding
  }
}

/** The `cause` of a pool's acquire timeout: lists the holders of the clients. */
export class PoolExhaustedError extends LifeguardError {
  static override readonly name = 'PoolExhaustedError'
  static readonly code = 'LIFEGUARD_POOL_EXHAUSTED'
  static override readonly docs = 'docs/findings.md#pool-exhausted'

  constructor(message: string) {
    super(PoolExhaustedError.code, message)
  }
}

/** The callers waited for each other's clients. The lifeguard rejected the last one, so that the others continue. */
export class PoolDeadlockError extends LifeguardError {
  static override readonly name = 'PoolDeadlockError'
  static readonly code = 'LIFEGUARD_POOL_DEADLOCK'

  readonly finding: FindingReference

  constructor(finding: FindingReference, holders: string) {
    super(PoolDeadlockError.code, `Rejected by pg-lifeguard to end a deadlock in the pool\n${holders}`)
    this.finding = finding
  }
}

/** PostgreSQL answered `COMMIT` with `ROLLBACK`, because an earlier statement had failed: nothing was saved. */
export class LostCommitError extends LifeguardError {
  static override readonly name = 'LostCommitError'
  static readonly code = 'LIFEGUARD_LOST_COMMIT'
  static override readonly docs = 'docs/findings.md#lost-commit'

  constructor() {
    super(
      LostCommitError.code,
      'COMMIT was answered by ROLLBACK: a statement of the transaction had failed, nothing was saved',
    )
  }
}

/** The connection could not be opened, or was lost. The message gives the reason, and never contains a password. */
export class ConnectionError extends LifeguardError {
  static override readonly name = 'ConnectionError'
  static readonly code = 'LIFEGUARD_CONNECTION'
  static override readonly docs = 'docs/server.md#connecting'

  /** The server's SQLSTATE or the system's error code, if there is one: `28P01`, `53300`, `ECONNREFUSED`. */
  readonly reason: string | undefined

  constructor(message: string, reason?: string) {
    super(ConnectionError.code, message)
    this.reason = reason
  }
}

/** The server is older than PostgreSQL 14. */
export class UnsupportedServerError extends LifeguardError {
  static override readonly name = 'UnsupportedServerError'
  static readonly code = 'LIFEGUARD_UNSUPPORTED_SERVER'
  static override readonly docs = 'docs/reference.md#the-servers-side'

  constructor(version: string) {
    super(UnsupportedServerError.code, `PostgreSQL 14 or later is required, this server is ${version}`)
  }
}

function at(finding: FindingReference): string {
  return finding.origin === undefined ? '' : `, checked out at ${finding.origin}`
}

/** A value in an error message: on one line, and truncated if it is long. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) {
    const name: unknown = value.constructor?.name
    return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object'
  }
  return String(value)
}
