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

/** The module `pg`, as far as it is needed. */
export interface PgModuleLike {
  readonly Client: { readonly prototype: object }
}

/** A connection that is open. */
export interface UnendedClient {
  /** Where `connect` was called. */
  readonly origin?: Origin
  /** It is a pool's: it ends with its pool. */
  readonly pooled: boolean
  /** `end()` was called. */
  readonly ending: boolean
}

/** Knows which clients of `pg` are connected. */
export interface ClientWatch {
  /** Those that are connected now, or about to be; the oldest first. */
  unended(): readonly UnendedClient[]
  /**
   * Waits for those that are ending, half a second at most (`settleMillis`).
   *
   * @throws LeakCheckError that names where each was connected that is open all the same, pools' clients included
   */
  verifyEnded(options?: Pick<VerifyOptions, 'settleMillis'>): Promise<void>
  /** Gives the module back as it was. */
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

/** Of every watch that is on, for the leak checks of the runners. */
const watched = new Set<ClientWatch>()

/**
 * Watches all clients that connect from now on, `new pg.Client()` above all, which no pool knows: one that is never ended
 * keeps the process from ending. The leak checks of the runners tell of those; elsewhere `verifyEnded` does. To be called
 * before the first one connects.
 *
 * @throws OptionError if it is not given `pg`
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
          // Comes in any case, also if it could not connect.
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
      watched.delete(watch)
    },
  }
  watched.add(watch)
  return watch
}

function hasMethods(prototype: object): boolean {
  return ['connect', 'end', 'once'].every((name) => typeof Reflect.get(prototype, name) === 'function')
}

function describe({ client, stack, ending }: Entry): UnendedClient {
  const origin = originOf(stack)
  // What a pool hands out can be released, and nothing else can.
  return { ...(origin === undefined ? {} : { origin }), pooled: 'release' in client, ending }
}

/** Clients of no pool that are open; pools speak for their own. */
export function standaloneClients(): readonly UnendedClient[] {
  return [...watched].flatMap((watch) => watch.unended().filter(({ pooled }) => !pooled))
}

/** One line for each. */
export function describeClients(clients: readonly UnendedClient[]): string {
  return clients
    .map(({ origin, pooled, ending }) => {
      const place = origin === undefined ? '' : `, connected at ${describeFrame(origin)},`
      if (ending) return `a client${place} was told to end and is still open`
      return pooled
        ? `a client of a pool${place} is still open: call pool.end() when the tests are over`
        : `a client${place} was never ended: call client.end()`
    })
    .join('\n')
}
