import { Override } from '../../client/override.ts'
import type { Method } from '../../client/types.ts'
import type { Checkout } from '../../core/checkout.ts'
import type { Installed, PoolCore } from '../pool-host.ts'

interface KnexClient {
  releaseConnection(connection: unknown): unknown
}

/** Runs one query of Knex; a stream has one of its own. */
interface Runner {
  client: KnexClient
  stream: Method
}

/**
 * Knex releases the client of a stream twice: when its rows have come, and when the stream has closed. The next owner may
 * have the client by the second time, and the pool would take it from that owner.
 */
export function releaseStreamsOnce(client: object, core: PoolCore): Installed {
  let hasReported = false
  const ignored = () => {
    if (!hasReported) core.events.ignoredRelease(core.record, 'Knex', 'stream()')
    hasReported = true
  }
  return new Override(
    client,
    'runner',
    (original) =>
      function (...args) {
        const runner = Reflect.apply(original, this, args) as Runner
        const { stream } = runner
        runner.stream = (...given) => {
          if (!core.unwatched) runner.client = releasingOnce(runner.client, core, ignored)
          return Reflect.apply(stream, runner, given)
        }
        return runner
      },
  )
}

/** The client of Knex, for one stream. */
function releasingOnce(client: KnexClient, core: PoolCore, ignored: () => void): KnexClient {
  let own: Checkout | undefined
  return Object.create(client, {
    releaseConnection: {
      value(connection: unknown) {
        const owner = core.checkoutOf(connection)
        if (own === undefined || owner === undefined) {
          own ??= owner
          return client.releaseConnection(connection)
        }
        // A remedy may still hold the first release.
        if (owner !== own) ignored()
        return Promise.resolve()
      },
    },
  })
}
