import { Override } from '../../client/override.ts'
import { isClient, type Method } from '../../client/types.ts'
import { deepStack, setStackDepth } from '../../core/origin/origin.ts'
import type { Installed, PoolCore, PoolHost } from '../pool-host.ts'
import type { PostgresPool } from './shape.ts'

/** postgres-pool sets `release` once per client, and does not serve a waiting caller when it closes a client. */
export function postgresPoolHost(pool: PostgresPool): PoolHost {
  const { connections, connectionQueue, idleConnections, options } = pool
  return {
    pool,
    stream: options.stream,
    setUpByHost: false,
    gauge: () => ({
      total: connections.length,
      idle: idleConnections.length,
      waiting: connectionQueue.length,
      max: options.poolSize,
      min: undefined,
    }),
    isFull: () => idleConnections.length === 0 && connections.length >= options.poolSize,
    takesBackTwice: true,
    isIdle: (client) => idleConnections.includes(client),
    clients: () => idleConnections.filter(isClient),
    install: (core) => installOn(pool, core),
    giveBackOf: (client) => client.release,
    destroy(_client, error, giveBack) {
      giveBack(error)
      serveWaiters(pool)
    },
  }
}

function installOn(pool: PostgresPool, core: PoolCore): readonly Installed[] {
  // `query` sets it for the pool's own call of `connect`, which follows synchronously and clears it.
  let isQuery = false
  const connect = (original: Method): Method =>
    function (...args) {
      const via = isQuery ? 'pool.query' : 'connect'
      isQuery = false
      if (core.unwatched) return Reflect.apply(original, this, args)
      const depth = setStackDepth(deepStack)
      const stack = new Error()
      setStackDepth(depth)
      return core.acquire(() => Reflect.apply(original, this, args), via, stack)
    }
  const query = (original: Method): Method =>
    function (...args) {
      isQuery = true
      try {
        return Reflect.apply(original, this, args)
      } finally {
        isQuery = false
      }
    }
  const end = (original: Method): Method =>
    async function (...args) {
      core.ending()
      const ended = await Reflect.apply(original, this, args)
      // It has waited only for idle clients.
      core.ended()
      return ended
    }
  const remove = (original: Method): Method =>
    function (...args) {
      core.removed(args[0])
      return Reflect.apply(original, this, args)
    }
  return [
    new Override(pool, 'connect', connect),
    new Override(pool, 'query', query),
    new Override(pool, 'end', end),
    new Override(pool, '_removeConnection', remove),
  ]
}

/** Opens connections in place of the destroyed ones, for the callers that have waited longest. */
function serveWaiters(pool: PostgresPool): void {
  const { connections, connectionQueue, connectionQueueEventEmitter, options } = pool
  while (!pool.isEnding && connections.length < options.poolSize) {
    const id = connectionQueue.shift()
    if (id === undefined) return
    connections.push(id)
    pool._createConnection(id).then(
      (client) => {
        // There is no listener if the caller has given up meanwhile.
        const isTaken = connectionQueueEventEmitter.emit(`connection_${id}`, client)
        if (!isTaken && isClient(client)) client.release?.()
      },
      () => {
        connections.splice(connections.indexOf(id), 1)
        // The next release serves it, unless it has given up: the pool would lose the client.
        if (connectionQueueEventEmitter.listenerCount(`connection_${id}`) > 0) connectionQueue.unshift(id)
      },
    )
  }
}
