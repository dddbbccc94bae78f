import { describePool } from '../core/pool-record.ts'
import type { Inspector } from '../guard/inspection.ts'
import { internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { LeakCheckError } from './leak-error.ts'

/**
 * The inspector of the lifeguard that is checked.
 *
 * @throws LeakCheckError if it is no lifeguard, or one that this copy of the package cannot read
 */
export function inspectorFor(caller: string, lifeguard: Lifeguard): Inspector {
  const given: unknown = lifeguard
  if (typeof given !== 'object' || given === null) {
    throw new LeakCheckError(
      `${caller} expects the lifeguard that watches your pools, got ${given === null ? 'null' : typeof given}`,
    )
  }
  const internals = internalsOf(given)
  if (internals !== undefined) return internals.inspector
  if ('watch' in given && 'runInScope' in given) {
    throw new LeakCheckError(
      `${caller} was given a lifeguard of another version of pg-lifeguard, whose pools it cannot see: ` +
        'install one version only (npm ls pg-lifeguard)',
    )
  }
  throw new LeakCheckError(
    `${caller} expects a lifeguard, as createLifeguard() returns it, got another object`,
  )
}

/** The reason why a check of this lifeguard would pass whatever happens, if there is one. */
export function blindnessOf(inspector: Inspector): string | undefined {
  const pools = inspector.pools()
  if (pools.length === 0) {
    return 'the lifeguard watches no pool, so the leak check sees nothing: call lifeguard.watch(pool) where the pool is made'
  }
  const unseen = pools.find((pool) => pool.unseen > 0)
  if (unseen !== undefined) {
    const clients = unseen.unseen === 1 ? '1 client was' : `${unseen.unseen} clients were`
    return `${describePool(unseen.name)} was in use before it was watched: ${clients} out already and cannot be seen; call lifeguard.watch(pool) where the pool is made`
  }
  if (inspector.outAtClose !== undefined && inspector.outAtClose > 0) {
    const sessions = inspector.outAtClose === 1 ? '1 session was' : `${inspector.outAtClose} sessions were`
    return `lifeguard.close() was called while ${sessions} checked out: verify before it`
  }
  return undefined
}
