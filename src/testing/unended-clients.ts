import { Override } from '../client/override.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import {
  type CapturedStack,
  captureStack,
  describeFrame,
  type Origin,
  originOf,
} from '../core/origin/origin.ts'
import { settle } from '../core/time/settle.ts'
import { OptionError } from '../errors.ts'
import { LeakCheckError } from './leak-error.ts'
import { settleRow, type VerifyOptions } from './verify-options.ts'

/** The part of the module `pg` that is used. */
export interface PgModuleLike {
  readonly Client: { readonly prototype: object }
}

/** An open connection. */
export interface UnendedClient {
  /** The line of `connect`. */
  readonly origin?: Origin
  /** The client belongs to a pool, and ends with it. */
  readonly pooled: boolean
  /** `end()` was called. */
  readonly ending: boolean
}

/** The watch of the clients of `pg`. */
export interface ClientWatch {
  /** The clients that are connected or connecting; the oldest first. */
  unended(): readonly UnendedClient[]
  /**
   * Waits for clients that are ending, half a second at most (`settleMillis`).
   *
   * @throws LeakCheckError with the line of `connect` of each client that is still open, including those of pools
   */
  verifyEnded(options?: Pick<VerifyOptions, 'settleMillis'>): Promise<void>
  /** Restores the module. */
  unwatch(): void
}

const verifyEndedOptions = {
  whole: 'verifyEnded(options)',
  prefix: 'verifyEnded.',
  rows: { settleMillis: settleRow },
} as const satisfies OptionTable<Pick<VerifyOptions, 'settleMillis'>>

interface Client {
  once(event: 'end', listener: () => void): unknown
}

interface Entry {
  readonly client: object
  readonly stack: CapturedStack
  ending: boolean
}

const watchesKey = Symbol.for('pg-lifeguard.client-watches')

/** All active watches, for the leak checks of the runners. All copies of the package share them. */
function watches(): Set<ClientWatch> {
  const shared = (Reflect.get(globalThis, watchesKey) as Set<ClientWatch> | undefined) ?? new Set()
  Object.defineProperty(globalThis, watchesKey, { value: shared, configurable: true })
  return shared
}

/**
 * Watches all clients that connect from now on. A client of `new pg.Client()` belongs to no pool, and keeps the process
 * from exiting if it is never ended. The leak checks of the runners report open clients; elsewhere call `verifyEnded`.
 * Call this before the first client connects.
 *
 * @throws OptionError if the argument is not the module `pg`
 *
 * @example
 * import pg from 'pg'
 * import { watchClients } from 'pg-lifeguard/testing'
 *
 * const clients = watchClients(pg)
 * await runEverything()
 * await clients.verifyEnded()
 */
export function watchClients(pg: PgModuleLike): ClientWatch {
  const prototype: unknown = (pg as Partial<PgModuleLike> | undefined)?.Client?.prototype
  if (typeof prototype !== 'object' || prototype === null || !hasMethods(prototype)) {
    throw new OptionError('watchClients(pg)', 'must be the module pg', pg)
  }
  const open = new Map<object, Entry>()

  const connect = new Override(
    prototype,
    'connect',
    (original) =>
      function (this: unknown, ...args: unknown[]) {
        const client = this as Client
        if (!open.has(client)) {
          open.set(client, { client, stack: captureStack(), ending: false })
          // Emitted in any case, even after a failed connect.
          client.once('end', () => open.delete(client))
        }
        return Reflect.apply(original, this, args)
      },
  )
  const end = new Override(
    prototype,
    'end',
    (original) =>
      function (this: unknown, ...args: unknown[]) {
        const entry = open.get(this as Client)
        if (entry !== undefined) entry.ending = true
        return Reflect.apply(original, this, args)
      },
  )

  const watch: ClientWatch = {
    unended: () => [...open.values()].map(describe),
    async verifyEnded(options = {}) {
      const { settleMillis } = readOptions(verifyEndedOptions, options)
      await settle(() => [...open.values()].some(({ ending }) => ending), settleMillis)
      const left = watch.unended()
      if (left.length > 0) throw new LeakCheckError(describeClients(left))
    },
    unwatch() {
      connect.restore()
      end.restore()
      watches().delete(watch)
    },
  }
  watches().add(watch)
  return watch
}

function hasMethods(prototype: object): boolean {
  return ['connect', 'end', 'once'].every((name) => typeof Reflect.get(prototype, name) === 'function')
}

function describe({ client, stack, ending }: Entry): UnendedClient {
  const origin = originOf(stack)
  // Only a pool's clients have `release`.
  return { ...(origin === undefined ? {} : { origin }), pooled: 'release' in client, ending }
}

/** The open clients that belong to no pool. */
export function standaloneClients(): readonly UnendedClient[] {
  return [...watches()].flatMap((watch) => watch.unended().filter(({ pooled }) => !pooled))
}

/** One line for each client. */
export function describeClients(clients: readonly UnendedClient[]): string {
  return clients
    .map(({ origin, pooled, ending }) => {
      const place = origin === undefined ? '' : `, connected at ${describeFrame(origin)},`
      if (ending) return `a client${place} is still open after client.end()`
      return pooled
        ? `a client of a pool${place} is still open: call pool.end() when the tests are over`
        : `a client${place} was never ended: call client.end()`
    })
    .join('\n')
}
