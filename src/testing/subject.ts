import { describePool } from '../core/pool-record.ts'
import type { Inspector } from '../guard/inspection.ts'
import { internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { LeakCheckError } from './leak-error.ts'

/**
 * The inspector of the lifeguard that is checked.
 *
 * @throws LeakCheckError if it is not a lifeguard, or belongs to another version of the package
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
  throw new LeakCheckError(`${caller} expects a lifeguard, created by createLifeguard(), got another object`)
}

/** The reason why a check of this lifeguard would always pass; undefined without one. */
export function blindnessOf(inspector: Inspector): string | undefined {
  const pools = inspector.pools()
  if (pools.length === 0) {
    return 'the lifeguard watches no pool, so the leak check sees nothing: call lifeguard.watch(pool) where the pool is created'
  }
  const unseen = pools.find((pool) => pool.unseen > 0)
  if (unseen !== undefined) {
    const clients = unseen.unseen === 1 ? '1 client was' : `${unseen.unseen} clients were`
    return `${describePool(unseen.name)} was in use before it was watched: ${clients} already checked out and cannot be seen; call lifeguard.watch(pool) where the pool is created`
  }
  if (inspector.outAtClose !== undefined && inspector.outAtClose > 0) {
    const sessions = inspector.outAtClose === 1 ? '1 session was' : `${inspector.outAtClose} sessions were`
    return `lifeguard.close() was called while ${sessions} checked out: verify before it`
  }
  return undefined
}
