import { callAfter, Override } from '../../client/override.ts'
import type { Method } from '../../client/types.ts'
import { type CapturedStack, setStackDepth } from '../../core/origin/origin.ts'
import { excludeInBundle } from '../../core/origin/own-code.ts'
import { WatchError } from '../../errors.ts'
import { CarriedStacks } from '../carried-stacks.ts'
import type { CallerStacks, Installed, PoolCore, PoolHost, PoolSource } from '../pool-host.ts'
import { isTarnPool, type KnexLike, type TarnPoolLike } from './shape.ts'
import { releaseStreamsOnce } from './stream-release.ts'
import { tarnHost } from './tarn.ts'

/** The frames of this package and of Knex, and the user's, where the client makes a transaction without a callback. */
const framesInClient = 8

interface KnexClient {
  readonly pool?: unknown
  readonly driverName?: unknown
  readonly dialect?: unknown
  readonly config?: { readonly connectionPool?: unknown }
  acquireConnection(): Promise<unknown>
}

/** Takes a client for itself, some turns after `knex.transaction()` has returned it. */
interface Transaction {
  acquireConnection: (config: { readonly connection?: unknown } | undefined, use: unknown) => unknown
}

/**
 * The pool of a Knex instance. Knex acquires a client several turns after `knex.transaction()` was called, when the
 * caller is no longer on the stack; its stack is recorded at the call and carried to the pool.
 *
 * @param poolOf makes the source of Knex' option `connectionPool`
 */
export function knexSource(
  knex: KnexLike,
  poolOf: (pool: unknown, callers: CallerStacks) => PoolSource,
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
  const callers = new CarriedStacks(false)
  if (external !== undefined && external !== null && !isTarnPool(external)) {
    const source = poolOf(external, callers)
    return {
      hosts: () =>
        source.hosts().map((host) => installingMore(host, (core) => [releaseStreamsOnce(client, core)])),
      install: () => carryStacks(knex, client, callers),
    }
  }
  return {
    hosts() {
      if (!isTarnPool(client.pool)) {
        throw new WatchError(
          'watch(knex) found no pool in knex: it was destroyed, or created without a connection',
        )
      }
      const host = tarnHost(client.pool, callers, part)
      return [installingMore(host, (core) => [keepHolders(client, core), releaseStreamsOnce(client, core)])]
    },
    // `knex.initialize()` after `knex.destroy()` makes a new pool.
    install: (renewed) => [
      ...carryStacks(knex, client, callers),
      callAfter(client, 'initializePool', renewed),
    ],
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

function carryStacks(knex: KnexLike, client: KnexClient, callers: CarriedStacks): Installed[] {
  const made = (original: Method): Method =>
    function (...args) {
      const stack = callers.takeCalled() ?? stackInClient(callers)
      const transaction = Reflect.apply(original, this, args) as Transaction
      const { acquireConnection } = transaction
      transaction.acquireConnection = (config, use) => {
        // Called once. The application may keep the transaction, which would keep the stack and the caller's closures.
        transaction.acquireConnection = acquireConnection
        const acquire = () => Reflect.apply(acquireConnection, transaction, [config, use])
        return config?.connection ? acquire() : callers.carry(stack, acquire)
      }
      return transaction
    }
  const context: unknown = Reflect.get(knex, 'context')
  return [
    new Override(client, 'transaction', made),
    // Closer to the user than the client, so that a shorter stack has its line.
    ...(hasTransaction(context)
      ? [new Override(context, 'transaction', (original) => callers.calling(original))]
      : []),
  ]
}

/** For a transaction that another object than the instance has made, such as one with parameters of its own. */
function stackInClient(callers: CarriedStacks): CapturedStack {
  const before = setStackDepth(callers.depth(framesInClient))
  const stack: CapturedStack = new Error()
  setStackDepth(before)
  callers.saw(stack)
  return stack
}
excludeInBundle(stackInClient)

function hasTransaction(context: unknown): context is object {
  return (
    typeof context === 'object' &&
    context !== null &&
    typeof Reflect.get(context, 'transaction') === 'function'
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
        const { pool } = client as { pool?: TarnPoolLike }
        // A caller that gets an idle client at once waits for no holder.
        const waits = Number(pool?.numPendingAcquires()) > 0
        if (!waits || !(acquired instanceof Promise) || core.unwatched) return acquired
        return acquired.catch((error: unknown) => {
          const isOfKnex = error instanceof Error && error.name === 'KnexTimeoutError'
          if (isOfKnex && error.cause === undefined) core.events.timedOut(core.record, error)
          throw error
        })
      },
  )
}
