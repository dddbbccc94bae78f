import { EventEmitter } from 'node:events'
import { Override } from '../../client/override.ts'
import { type Callback, type Client, isClient, type Method, type Pool } from '../../client/types.ts'
import type { Installed, PoolCore } from '../pool-host.ts'

/**
 * Follows the pool's own events, if it has any. It overrides `emit`, because a listener would be visible: some libraries
 * add their own only to a pool that has none.
 */
export function followEvents(pool: Pool, core: PoolCore): readonly Installed[] {
  if (typeof pool.emit !== 'function') return []
  return [
    new Override(pool, 'emit', (original) => emitFor(pool, core, original)),
    ...followVerify(pool, core),
  ]
}

function emitFor(pool: Pool, core: PoolCore, original: Method): Method {
  let opened: unknown

  /** Statements that a listener sends belong to no owner. */
  const emitTo = (client: Client, self: unknown, args: unknown[]) =>
    core.guardOf(client).runListeners(() => Reflect.apply(original, self, args))
  const isHeard = (event: string) => Number(pool.listenerCount?.(event)) > 0
  /** Nothing happens if nobody listens. */
  const isPlain = original === EventEmitter.prototype.emit

  // Called twice for each checkout: indices, because destructuring would iterate over the arguments.
  return function (...args: unknown[]) {
    const event = args[0]
    const subject = args[1]
    switch (event) {
      case 'acquire':
        if (!isClient(subject) || core.unwatched) break
        core.goesOut(subject, subject === opened)
        opened = undefined
        if (isHeard(event)) return emitTo(subject, this, args)
        if (isPlain) return false
        break
      case 'release':
        core.cameBack(args[2], subject)
        if (isPlain && !isHeard(event)) return false
        break
      case 'connect':
        if (!isClient(subject) || core.unwatched) break
        opened = subject
        // The connection may be lost at any moment from now on, even before its first owner has it.
        core.guardOf(subject)
        if (isHeard(event)) return emitTo(subject, this, args)
        break
      case 'remove':
        core.removed(subject)
    }
    return Reflect.apply(original, this, args)
  }
}

/** The pool runs the option `verify` on a client that it has already announced: its statements belong to no owner. */
function followVerify({ options }: Pool, core: PoolCore): Installed[] {
  if (options === undefined || typeof options.verify !== 'function') return []
  const verify = (original: Method): Method =>
    function (...args) {
      const [client, done] = args
      if (!isClient(client) || core.unwatched) return Reflect.apply(original, this, args)
      const guard = core.guardOf(client)
      guard.staysIn()
      const verified = (...results: unknown[]) => {
        guard.goesOut()
        return (done as Callback)(...results)
      }
      return Reflect.apply(original, this, [client, verified])
    }
  return [new Override(options, 'verify', verify)]
}
