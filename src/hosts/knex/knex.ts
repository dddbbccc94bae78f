import { AsyncLocalStorage } from 'node:async_hooks'
import { callAfter, Override } from '../../client/override.ts'
import { type CapturedStack, captureStack } from '../../core/origin/origin.ts'
import { WatchError } from '../../errors.ts'
import type { CallerStack, Installed, PoolCore, PoolHost, PoolSource } from '../pool-host.ts'
import { isTarnPool, type KnexLike } from './shape.ts'
import { releaseStreamsOnce } from './stream-release.ts'
import { tarnHost } from './tarn.ts'

/** The caller of `knex.transaction()`. */
interface Caller {
  stack: CapturedStack | undefined
}

interface KnexClient {
  readonly pool?: unknown
  readonly driverName?: unknown
  readonly dialect?: unknown
  readonly config?: { readonly connectionPool?: unknown }
  acquireConnection(): Promise<unknown>
}

/**
 * The pool of a Knex instance. Knex acquires a client several turns after `knex.transaction()` was called, when the
 * caller is no longer on the stack; its stack is recorded at the call and carried to the pool.
 *
 * @param poolOf makes the source of Knex' option `connectionPool`
 */
export function knexSource(
  knex: KnexLike,
  poolOf: (pool: unknown, callerStack: CallerStack) => PoolSource,
  part?: string,
): PoolSource {
  const client = knex.client as KnexClient
  const { driverName, config } = client
  if (!isPostgres(client)) {
    throw new WatchError(
      `watch(knex) expects Knex on PostgreSQL, got ${String(driverName ?? client.dialect)}`,
    )
  }
  const external = config?.connectionPool
  const callers = new AsyncLocalStorage<Caller>()
  const callerStack = () => takeStack(callers)
  if (external !== undefined && external !== null && !isTarnPool(external)) {
    const source = poolOf(external, callerStack)
    return {
      hosts: () =>
        source.hosts().map((host) => installingMore(host, (core) => [releaseStreamsOnce(client, core)])),
      install: () => [carryStack(client, callers)],
    }
  }
  return {
    hosts() {
      if (!isTarnPool(client.pool)) {
        throw new WatchError(
          'watch(knex) found no pool in knex: it was destroyed, or created without a connection',
        )
      }
      const host = tarnHost(client.pool, callerStack, part)
      return [installingMore(host, (core) => [keepHolders(client, core), releaseStreamsOnce(client, core)])]
    },
    // `knex.initialize()` after `knex.destroy()` makes a new pool.
    install: (renewed) => [carryStack(client, callers), callAfter(client, 'initializePool', renewed)],
  }
}

function installingMore(host: PoolHost, more: (core: PoolCore) => readonly Installed[]): PoolHost {
  const { install } = host
  // Not a copy: some properties of a host are read anew each time.
  return Object.assign(host, { install: (core: PoolCore) => [...install(core), ...more(core)] })
}

/** The native bindings use another client class, which the guard does not support. */
function isPostgres({ driverName, dialect }: KnexClient): boolean {
  return dialect === 'postgresql' && driverName !== 'pgnative'
}

/** Only the first acquire takes the stack: later ones inside the transaction have their own line. */
function takeStack(callers: AsyncLocalStorage<Caller>): CapturedStack | undefined {
  const caller = callers.getStore()
  const stack = caller?.stack
  if (caller !== undefined) caller.stack = undefined
  return stack
}

function carryStack(client: KnexClient, callers: AsyncLocalStorage<Caller>): Installed {
  return new Override(
    client,
    'transaction',
    (original) =>
      function (...args) {
        return callers.run({ stack: captureStack() }, () => Reflect.apply(original, this, args))
      },
  )
}

/** Knex 2 answers a timeout of the pool with an error of its own, which has the pool's error no longer behind it. */
function keepHolders(client: KnexClient, core: PoolCore): Installed {
  return new Override(
    client,
    'acquireConnection',
    (original) =>
      function (...args) {
        const acquired: unknown = Reflect.apply(original, this, args)
        if (!(acquired instanceof Promise) || core.unwatched) return acquired
        return acquired.catch((error: unknown) => {
          const isOfKnex = error instanceof Error && error.name === 'KnexTimeoutError'
          if (isOfKnex && error.cause === undefined) core.events.timedOut(core.record, error)
          throw error
        })
      },
  )
}
