import type { Ledger } from '../core/ledger.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { Scope, type ScopeData, type ScopeOptions } from '../core/scope.ts'
import { type CheckoutSnapshot, scopeCheckouts } from '../core/snapshot.ts'
import { isThenable } from '../core/thenable.ts'
import { OptionError } from '../errors.ts'

/** The scope of the caller, for error handlers, for example. */
export interface CurrentScope {
  /** The scope as a report shows it now. Its name may become known late, as that of a route. */
  describe(): ScopeData
  /** The checkouts that it holds or waits for, as frozen plain data. */
  sessions(): readonly CheckoutSnapshot[]
}

/** A scope that its opener must end. */
export interface OpenScope extends CurrentScope {
  /** Calls `work` inside the scope. */
  run<Result>(work: () => Result): Result
  /**
   * Ends the scope. Clients held longer than the grace are leaks; `how` is part of their report: "answered", "aborted".
   */
  end(how?: string): void
}

/** The methods of a lifeguard about scopes. */
export interface Scopes {
  /**
   * Runs `work` in a scope that ends when it returns or, if it returns a promise, when that settles. Clients that are
   * checked out inside belong to the scope, and should be released by then.
   *
   * @returns the result of `work`; for a promise, one that settles in the same way
   * @throws the error of `work`; OptionError if the description of the scope is invalid
   *
   * @example
   * await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, () => nightly())
   */
  runInScope<Value>(scope: ScopeOptions, work: () => PromiseLike<Value>): Promise<Value>
  runInScope<Result>(scope: ScopeOptions, work: () => Result): Result
  /**
   * Opens a scope by hand, for code that notices its end by an event.
   *
   * @throws OptionError if the description of the scope is invalid
   *
   * @example
   * const delivery = lifeguard.openScope({ kind: 'message', name: 'orders' })
   * await delivery.run(() => handle(message))
   * delivery.end('acknowledged')
   */
  openScope(scope: ScopeOptions): OpenScope
  /**
   * The scope of the caller; undefined outside any.
   *
   * @example
   * console.error(error, lifeguard.currentScope()?.sessions()) // what the request holds
   */
  currentScope(): CurrentScope | undefined
  /**
   * Calls `work` outside any scope, because it is meant to outlive the request that starts it.
   *
   * @example
   * response.status(202).end()
   * lifeguard.detach(() => sendMails(order))
   */
  detach<Result>(work: () => Result): Result
}

export const scopeOptions = {
  whole: 'scope',
  prefix: 'scope.',
  rows: {
    kind: { kind: 'string', required: true },
    name: { kind: 'string', or: 'function', required: true },
    id: { kind: 'string', content: 'any', or: 'function' },
    attributes: { kind: 'map' },
    traceparent: { kind: 'string', content: 'any' },
  },
} as const satisfies OptionTable<ScopeOptions>

/** The scopes of a lifeguard, carried by the context of its ledger. */
export function scopesOf(ledger: Ledger): Scopes {
  function end(scope: Scope, how: string): void {
    scope.end(ledger.time.now(), how)
  }

  /** Returns the same result instead of adding a listener: an unhandled rejection must stay unhandled. */
  async function endWith<Value>(scope: Scope, result: PromiseLike<Value>): Promise<Value> {
    try {
      const value = await result
      end(scope, 'returned')
      return value
    } catch (error) {
      end(scope, 'threw')
      throw error
    }
  }

  function runInScope<Value>(options: ScopeOptions, work: () => PromiseLike<Value>): Promise<Value>
  function runInScope<Result>(options: ScopeOptions, work: () => Result): Result
  function runInScope(options: ScopeOptions, work: () => unknown): unknown {
    requireWork('runInScope(scope, work)', work)
    const scope = new Scope(readOptions(scopeOptions, options), ledger.currentScope())
    return ledger.context.run(scope, () => {
      let result: unknown
      try {
        result = work()
      } catch (error) {
        end(scope, 'threw')
        throw error
      }
      // Query builders start their statement when `then` is called, which must happen once, inside the scope.
      if (isThenable(result)) return endWith(scope, result)
      end(scope, 'returned')
      return result
    })
  }

  return {
    openScope: (options) => openScope(ledger, readOptions(scopeOptions, options)),
    runInScope,
    currentScope() {
      const scope = ledger.currentScope()
      if (scope === undefined) return undefined
      return { describe: () => scope.data(), sessions: () => scopeCheckouts(ledger, scope) }
    },
    detach(work) {
      requireWork('detach(work)', work)
      return ledger.context.run(undefined, work)
    },
  }
}

/** Opens a scope with options that need no check. */
export function openScope(ledger: Ledger, options: ScopeOptions): OpenScope {
  const scope = new Scope(options, ledger.currentScope())
  return {
    describe: () => scope.data(),
    sessions: () => scopeCheckouts(ledger, scope),
    run: (work) => ledger.context.run(scope, work),
    end: (how = 'ended') => scope.end(ledger.time.now(), how),
  }
}

function requireWork(name: string, work: unknown): void {
  if (typeof work !== 'function') throw new OptionError(name, 'must be a function', work)
}
