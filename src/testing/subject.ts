import { type Audit, auditOf } from '../audit.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { LeakCheckError } from './leak-error.ts'

/**
 * The books of the lifeguard that is to be checked.
 *
 * @throws LeakCheckError if it is none, or one that this copy of the package cannot look into
 */
export function auditFor(caller: string, lifeguard: Lifeguard): Audit {
  const given: unknown = lifeguard
  if (typeof given !== 'object' || given === null) {
    throw new LeakCheckError(
      `${caller} expects the lifeguard that watches your pools, got ${given === null ? 'null' : typeof given}`,
    )
  }
  const audit = auditOf(given)
  if (audit !== undefined) return audit
  if ('watch' in given && 'runInScope' in given) {
    throw new LeakCheckError(
      `${caller} was given a lifeguard of another copy of pg-lifeguard, whose pools it cannot see: ` +
        'see that there is one copy only (npm ls pg-lifeguard), and that the runner does not bundle it',
    )
  }
  throw new LeakCheckError(
    `${caller} expects a lifeguard, as createLifeguard() returns it, got another object`,
  )
}
